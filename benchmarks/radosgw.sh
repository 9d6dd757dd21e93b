#!/bin/bash
# A real S3 server for tests and benchmarks: one Ceph monitor, one OSD in memory and radosgw, on loopback, all under one
# folder. Needs the Debian packages ceph-mon, ceph-osd, radosgw and curl; root.
#
#   radosgw.sh start DIR PORT [GIB]              starts everything (PORT 0: a free one; GIB: the store's size, 6);
#                                                prints endpoint and keys. A store that is full answers nothing
#   radosgw.sh stop DIR                          kills everything that runs under DIR and removes DIR
#   radosgw.sh kill-gateway DIR                  kill -9 of radosgw alone
#   radosgw.sh start-gateway DIR                 starts radosgw again, on the same port
#   radosgw.sh user DIR NAME ACCESS_KEY SECRET   one more user
#   radosgw.sh quota DIR NAME BYTES              what all buckets of a user may hold together
#   radosgw.sh bucket DIR NAME                   creates a bucket of the first user
#   radosgw.sh stats DIR NAME                    prints bytes and objects of a bucket
#
# Nothing here is meant to keep data: the OSD lives in memory.
set -Eeuo pipefail

USER_NAME=tidemark
ACCESS_KEY=TIDEMARKACCESSKEY
SECRET_KEY=tidemark-secret-key-for-tests
PATH=$PATH:/usr/sbin:/sbin

fail() { echo "radosgw.sh: $*" >&2; exit 1; }

# Whatever ends the script says where, and what the daemons said.
told() {
    echo "radosgw.sh: line $1 failed" >&2
    [ ! -f "$DIR/log/start" ] || tail -n 20 "$DIR/log/start" >&2
}
trap 'told $LINENO' ERR

# wait_for SECONDS WHAT COMMAND...
wait_for() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "$what did not come up in time; see $DIR/log"
        sleep 0.1
    done
}

# Below the range that the kernel takes for outgoing connections: nobody grabs it between here and its use.
free_port() {
    python3 -c 'import random, socket
while True:
    port = random.randrange(17000, 30000)
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            continue
    print(port)
    break'
}

# Kills the daemon whose pid file is given, when it is still one of ours: pids are used again.
kill_daemon() {
    local pid
    [ -f "$1" ] || return 0
    pid=$(cat "$1")
    if [ -n "$pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$DIR/ceph.conf"; then
        kill -9 "$pid" 2>/dev/null || true
        for _ in $(seq 100); do [ -d "/proc/$pid" ] || break; sleep 0.05; done
    fi
    rm -f "$1"
}

write_config() {
    cat >"$DIR/ceph.conf" <<C
[global]
fsid = $FSID
mon host = v1:127.0.0.1:$MON_PORT
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon warn on pool no redundancy = false
mon allow pool size one = true
mon max pg per osd = 1000
run dir = $DIR/run
log file = $DIR/log/\$name.log
admin socket = $DIR/run/\$name.asok
pid file = $DIR/run/\$name.pid
public addr = 127.0.0.1
public network = 127.0.0.0/8
ms bind ipv6 = false
max open files = 0
[mon]
mon data = $DIR/mon
mon data avail warn = 1
mon data avail crit = 1
[osd]
osd data = $DIR/osd
osd objectstore = memstore
memstore device bytes = $((STORE_GIB << 30))
# A gateway that was killed is forgotten quickly; until then its successor cannot make buckets.
osd client watch timeout = 4
osd default notify timeout = 4
# Without authentication the OSD races the monitor's map here and exits; the script places it itself.
osd crush update on start = false
osd class update on start = false
[client.rgw]
# Without nodelay every small answer on loopback waits 40 ms for a delayed acknowledgement.
rgw frontends = beast endpoint=127.0.0.1:$PORT tcp_nodelay=1
rgw data = $DIR/rgw
rgw dynamic resharding = false
rgw override bucket index max shards = 1
rgw bucket quota ttl = 0
rgw user quota bucket sync interval = 1
C
}

start_gateway() {
    radosgw -n client.rgw -c "$DIR/ceph.conf"
    wait_for 90 radosgw curl -s -o /dev/null "http://127.0.0.1:$PORT/"
}

# put PATH CONTENT. curl signs, but leaves the header with the content's hash, which S3 wants, to us.
put() {
    local hash
    hash=$(printf %s "$2" | sha256sum | cut -c1-64)
    curl -sS -f -o /dev/null --max-time 60 --aws-sigv4 "aws:amz:us-east-1:s3" --user "$ACCESS_KEY:$SECRET_KEY" \
        -H "x-amz-content-sha256: $hash" -X PUT ${2:+--data-binary "$2"} "http://127.0.0.1:$PORT/$1"
}

# The first bucket and the first object create pools and take seconds each: not to be measured with anything else.
warm_up() {
    put warm-up ""
    put warm-up/object x
}

start() {
    [ "$(id -u)" = 0 ] || fail "needs root"
    stop
    mkdir -p "$DIR"/{mon,osd,run,log,rgw}
    PORT=${1:-0}
    [ "$PORT" != 0 ] || PORT=$(free_port)
    STORE_GIB=${2:-6}
    MON_PORT=$(free_port)
    FSID=$(cat /proc/sys/kernel/random/uuid)
    local uuid
    uuid=$(cat /proc/sys/kernel/random/uuid)
    write_config
    echo "$PORT" >"$DIR/port"
    monmaptool --create --clobber --fsid "$FSID" --addv a "[v1:127.0.0.1:$MON_PORT]" "$DIR/monmap" >>"$DIR/log/start"
    ceph-mon --mkfs -i a --monmap "$DIR/monmap" -c "$DIR/ceph.conf" >>"$DIR/log/start" 2>&1
    ceph-mon -i a -c "$DIR/ceph.conf" >>"$DIR/log/start" 2>&1
    ceph() { timeout 20 /usr/bin/ceph -c "$DIR/ceph.conf" "$@"; }
    wait_for 60 "the monitor" ceph osd new "$uuid"
    ceph-osd -i 0 --mkfs --osd-uuid "$uuid" -c "$DIR/ceph.conf" >>"$DIR/log/start" 2>&1
    ceph osd crush add osd.0 1.0 root=default host=h1 >>"$DIR/log/start" 2>&1
    ceph-osd -i 0 -c "$DIR/ceph.conf" >>"$DIR/log/start" 2>&1
    osd_is_up() { ceph osd stat | grep -q '1 up'; }
    wait_for 60 "the OSD" osd_is_up
    start_gateway
    add_user "$USER_NAME" "$ACCESS_KEY" "$SECRET_KEY"
    warm_up
    echo "endpoint=http://127.0.0.1:$PORT"
    echo "region=us-east-1"
    echo "accessKey=$ACCESS_KEY"
    echo "secretKey=$SECRET_KEY"
}

stop() {
    local name
    for name in client.rgw osd.0 mon.a; do kill_daemon "$DIR/run/$name.pid"; done
    rm -rf "$DIR"
}

add_user() {
    timeout 60 radosgw-admin -c "$DIR/ceph.conf" user create --uid="$1" --display-name="$1" --access-key="$2" \
        --secret-key="$3" >/dev/null 2>&1 || fail "user $1 could not be created"
}

command=${1:-}
DIR=${2:-}
if [ -z "$DIR" ] || [ "${DIR#/}" = "$DIR" ]; then
    sed -n '2,15s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
shift 2
PORT=$(cat "$DIR/port" 2>/dev/null || true)
case $command in
    start) start "$@" ;;
    stop) stop ;;
    kill-gateway) kill_daemon "$DIR/run/client.rgw.pid" ;;
    start-gateway) start_gateway ;;
    user) add_user "$@" ;;
    bucket) put "$1" "" ;;
    stats)
        timeout 60 radosgw-admin -c "$DIR/ceph.conf" bucket stats --bucket="$1" 2>/dev/null | python3 -c '
import json, sys
usage = json.load(sys.stdin)["usage"].get("rgw.main", {})
print(usage.get("size", 0), usage.get("num_objects", 0))'
        ;;
    quota)
        timeout 60 radosgw-admin -c "$DIR/ceph.conf" quota set --quota-scope=user --uid="$1" --max-size="$2" >/dev/null
        timeout 60 radosgw-admin -c "$DIR/ceph.conf" quota enable --quota-scope=user --uid="$1" >/dev/null
        ;;
    *) fail "unknown command $command" ;;
esac
