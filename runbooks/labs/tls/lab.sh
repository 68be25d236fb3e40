#!/bin/sh
# A small site whose certificate has really expired, to practise on. Loopback only; all of it is in $LOCUM_LAB.
#
#   lab.sh [default | slip | slip-etcd | slip-key | slip-stray]
#
# It prints what the runbook needs as `name=value`, then `ready`, and stays until TERM. The variants differ in one
# thing alone: what the site's own rotation script, rotate.sh, does.
set -eu

variant=${1:-default}
case $variant in
    default | slip | slip-etcd | slip-key | slip-stray) ;;
    *) echo "lab: unknown variant '$variant', expected default, slip, slip-etcd, slip-key or slip-stray" >&2; exit 64 ;;
esac
for command in openssl awk od date dirname ls mkdir cat chmod mv rm ln sleep; do
    command -v "$command" >/dev/null 2>&1 || { echo "lab: '$command' is missing; install it, then drill again" >&2; exit 69; }
done
here=$(cd "$(dirname "$0")" && pwd)
: "${LOCUM_LAB:?lab: LOCUM_LAB must name an empty folder}"
[ -d "$LOCUM_LAB" ] || { echo "lab: LOCUM_LAB is not a folder: $LOCUM_LAB" >&2; exit 66; }
cd "$LOCUM_LAB"
[ -z "$(ls -A)" ] || { echo "lab: LOCUM_LAB is not empty: $LOCUM_LAB" >&2; exit 66; }

lab=$(pwd -P)
umask 022
mkdir site
cat "$here/site.sh" >site/site.sh
cat "$here/rotate/$variant.sh" >site/rotate.sh
cat "$here/reload.sh" >site/reload.sh
chmod 755 site/rotate.sh site/reload.sh
. site/site.sh

build_pki || { echo "lab: openssl could not make the certificates; its words:" >&2; cat "$work/openssl.log" >&2; exit 70; }

server= waiter= port= again=
stop() {
    trap '' TERM INT HUP USR1
    for child in $server $waiter; do kill "$child" 2>/dev/null || :; done
    for child in $server $waiter; do wait "$child" 2>/dev/null || :; done
}
trap 'stop; exit 0' TERM INT HUP
# Not HUP: under nohup it is ignored, and a shell cannot take that back.
trap 'again=1' USR1

# Starts the server and waits until it listens; fails if the port is taken or the server refuses the files.
serve() {
    : >"$work/server.log"
    openssl s_server -accept "127.0.0.1:$port" -cert "$pki/server.crt" -key "$pki/server.key" -www \
        </dev/null >>"$work/server.log" 2>&1 &
    server=$!
    tries=0
    while [ "$tries" -lt 60 ] && kill -0 "$server" 2>/dev/null; do
        case $(cat "$work/server.log") in *ACCEPT*) return 0 ;; esac
        sleep 0.05
        tries=$((tries + 1))
    done
    kill "$server" 2>/dev/null || :
    wait "$server" 2>/dev/null || :
    server=
    return 1
}

# Below the ports that systems give to outgoing connections, so that nobody takes it while the server is reloaded.
for _ in 1 2 3 4 5 6 7 8; do
    port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 10000))
    serve && break
    port=
done
[ -n "$port" ] || { echo "lab: the TLS server does not start; its words:" >&2; cat "$work/server.log" >&2; exit 70; }

echo "$$" >"$work/pid"
echo 0 >"$work/served"
cat <<WORDS
pki=$pki
address=127.0.0.1:$port
rotate=$lab/site/rotate.sh
reload=$lab/site/reload.sh
ready
WORDS

# A signal ends the wait; without one it ends by itself, so that none is slept through.
served=0
while [ -d "$work" ]; do
    sleep 1 &
    waiter=$!
    wait "$waiter" || :
    [ -n "$again" ] || continue
    again=
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || :
        wait "$server" 2>/dev/null || :
        server=
    fi
    served=$((served + 1))
    if serve; then result=ok; else result=failed; fi
    echo "$served $result" >"$work/served.new"
    mv "$work/served.new" "$work/served"
done
stop
