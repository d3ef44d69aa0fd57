#!/bin/sh
# Keys come as variables, out of the settings, and go on as files in memory, which is how every command takes them.
umask 077
for name in VERIFIER_API_KEY VERIFIER_SANDBOX_API_KEY SANDBOX_API_KEY; do
    eval "key=\${$name:-}"
    unset "$name"
    if [ -n "$key" ]; then
        printf '%s\n' "$key" >"/tmp/$name"
        export "${name}_FILE=/tmp/$name"
    fi
done
exec "$@"
