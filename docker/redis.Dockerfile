# Redis with our settings; on a base without Redis (a plain Debian) it is installed from the distribution.
ARG BASE=redis:7-bookworm
FROM ${BASE}
RUN command -v redis-server >/dev/null \
    || (apt-get update && apt-get install --yes --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/*)
COPY docker/redis.conf docker/redis.sh /etc/rlvr/
RUN install -d -o redis -g redis /data
WORKDIR /data
USER redis
ENTRYPOINT ["sh", "/etc/rlvr/redis.sh"]
