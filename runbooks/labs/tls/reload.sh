#!/bin/sh
# Lets the TLS server read its files again, at the same port, and says whether it came back.
set -eu
. "$(dirname "$0")/site.sh"

read -r before _ <"$work/served"
read -r pid <"$work/pid"
kill -USR1 "$pid" || { echo "the server is not running" >&2; exit 1; }
tries=0
while [ "$tries" -lt 100 ]; do
    read -r now result <"$work/served"
    if [ "$now" -gt "$before" ]; then
        [ "$result" = ok ] && { echo "reloaded"; exit 0; }
        echo "the server does not start with these files; its words:" >&2
        cat "$work/server.log" >&2
        exit 1
    fi
    sleep 0.05
    tries=$((tries + 1))
done
echo "the server did not come back within 5 seconds" >&2
exit 1
