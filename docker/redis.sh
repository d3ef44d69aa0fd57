#!/bin/sh
# The password comes by standard input: so it stands neither in the image nor in the list of processes.
exec redis-server /etc/rlvr/redis.conf - <<EOF
requirepass ${REDIS_PASSWORD:?is not set}
EOF
