#!/bin/bash
# A real NFS server (nfs-ganesha) in a network of its own, for tests and benchmarks; as root:
#   benchmarks/nfs-server.sh start FOLDER [MIB [VERSIONS]]    exports FOLDER/export; with MIB, if not 0, it is an ext4 of that size.
#                                                  VERSIONS: 3, or "3, 4"; version 4 sees the folder as /export
#   benchmarks/nfs-server.sh kill FOLDER           kill -9 of the server; the network stays
#   benchmarks/nfs-server.sh end FOLDER            ends it in order: rpcbind, which stays, does not know it any more
#   benchmarks/nfs-server.sh run FOLDER            starts it again, with FOLDER/exports.conf if that was changed
#   benchmarks/nfs-server.sh stall|resume FOLDER   SIGSTOP, SIGCONT
#   benchmarks/nfs-server.sh stop FOLDER           ends everything and removes FOLDER
# "start" prints server=ADDRESS and export=PATH.
set -eu
PATH=$PATH:/usr/sbin:/sbin
word=$1 folder=$2
address=$folder/address namespace=$folder/namespace

run() {
    # rpcbind and the server have a /run of their own; rpcbind stays when only the server is killed.
    holder=$(cat "$folder/holder.pid")
    nsenter -t "$holder" -m -n setsid ganesha.nfsd -F -f "$folder/ganesha.conf" -L "$folder/ganesha.log" -p "$folder/ganesha.pid" \
        </dev/null >>"$folder/out" 2>&1 &
    echo $! >"$folder/server.pid"
    for _ in $(seq 150); do
        if nsenter -t "$holder" -m -n rpcinfo -p 127.0.0.1 2>/dev/null | grep -q 100003; then
            (exec 3<>"/dev/tcp/$(cat "$address")/2049") 2>/dev/null && return 0
        fi
        kill -0 "$(cat "$folder/server.pid")" 2>/dev/null || { tail -n 5 "$folder/out" "$folder/ganesha.log" >&2; return 1; }
        sleep 0.1
    done
    echo "the NFS server did not start" >&2
    return 1
}

kill_server() {
    [ ! -f "$folder/server.pid" ] || kill -9 "$(cat "$folder/server.pid")" 2>/dev/null || true
    for _ in $(seq 50); do
        case $(cut -d ' ' -f 3 "/proc/$(cat "$folder/server.pid" 2>/dev/null || echo none)/stat" 2>/dev/null || echo gone) in
            gone | Z) break ;;
        esac
        sleep 0.05
    done
}

stop() {
    kill_server
    [ ! -f "$folder/holder.pid" ] || pkill -KILL -s "$(cat "$folder/holder.pid")" 2>/dev/null || true
    if [ -f "$namespace" ]; then
        for pid in $(ip netns pids "$(cat "$namespace")" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
        ip netns del "$(cat "$namespace")" 2>/dev/null || true
        ip link del "$(cat "$folder/link")" 2>/dev/null || true
    fi
    if mountpoint -q "$folder/export" 2>/dev/null; then umount -l "$folder/export"; fi
    rm -rf "$folder"
}

case $word in
    start)
        mkdir -p "$folder/export"
        number=$(( $$ % 16000 ))
        name=tmnfs$$
        ip netns add "$name"
        echo "$name" >"$namespace"
        echo "${name}a" >"$folder/link"
        ip link add "${name}a" type veth peer name "${name}b"
        ip link set "${name}b" netns "$name"
        subnet=10.$(( 192 + number / 4096 )).$(( number / 16 % 256 ))
        host=$subnet.$(( number % 16 * 4 + 1 )) server=$subnet.$(( number % 16 * 4 + 2 ))
        echo "$server" >"$address"
        ip addr add "$host/30" dev "${name}a"
        ip link set "${name}a" up
        ip netns exec "$name" ip addr add "$server/30" dev "${name}b"
        ip netns exec "$name" ip link set "${name}b" up
        ip netns exec "$name" ip link set lo up
        versions=${4:-3}
        # Who has version 4 loses locks and open files when there is no time in which it may claim them again, or when it is too busy to
        # say within the lease that it lives.
        case $versions in *4*) graceless=false grace=10 lease=20 ;; *) graceless=true grace=1 lease=1 ;; esac
        mkdir -p "$folder/recovery"
        if [ "${3:-0}" != 0 ]; then
            truncate -s "${3}M" "$folder/disk"
            mkfs.ext4 -q -F "$folder/disk"
            mount -o loop "$folder/disk" "$folder/export"
            rmdir "$folder/export/lost+found"
        fi
        cat >"$folder/exports.conf" <<CONFIG
EXPORT { Export_Id = 1; Path = $folder/export; Pseudo = /export; Access_Type = RW; Squash = No_Root_Squash; SecType = sys;
    Protocols = $versions; Transports = TCP; FSAL { Name = VFS; } }
CONFIG
        cat >"$folder/ganesha.conf" <<CONFIG
NFS_CORE_PARAM { Protocols = $versions; NFS_Port = 2049; MNT_Port = 20048; Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false;
    allow_set_io_flusher_fail = true; }
NFSV4 { Graceless = $graceless; Grace_Period = $grace; Lease_Lifetime = $lease; RecoveryRoot = $folder/recovery;
    Minor_Versions = 0, 1, 2; Only_Numeric_Owners = true; }
LOG { Default_Log_Level = EVENT; }
%include "$folder/exports.conf"
CONFIG
        setsid ip netns exec "$name" unshare -m --propagation private sh -c \
            "grep '^/dev/loop' /proc/mounts | cut -d' ' -f2 | grep -v '^$folder' | xargs -r umount -l; mount -t tmpfs tmpfs /run && mkdir -p /run/rpcbind /run/ganesha && rpcbind -f & echo \$\$ >$folder/holder.pid; exec sleep infinity" \
            </dev/null >"$folder/out" 2>&1 &
        for _ in $(seq 50); do [ -s "$folder/holder.pid" ] && break; sleep 0.05; done
        for _ in $(seq 50); do nsenter -t "$(cat "$folder/holder.pid")" -m -n rpcinfo -p 127.0.0.1 >/dev/null 2>&1 && break; sleep 0.05; done
        run || { stop; exit 1; }
        echo "server=$server"
        echo "export=$folder/export"
        ;;
    run) run ;;
    kill) kill_server ;;
    end) kill -TERM "$(cat "$folder/server.pid")"; sleep 0.5; kill_server ;;
    stall)
        # The signal returns before the last of its threads has stopped.
        pid=$(cat "$folder/server.pid")
        kill -STOP "$pid"
        for _ in $(seq 100); do
            sed 's/.*) //' /proc/"$pid"/task/*/stat 2>/dev/null | grep -qv '^T' || break
            sleep 0.02
        done
        ;;
    resume) kill -CONT "$(cat "$folder/server.pid")" ;;
    stop) stop ;;
    *) echo "nfs-server.sh: unknown word $word" >&2; exit 2 ;;
esac
