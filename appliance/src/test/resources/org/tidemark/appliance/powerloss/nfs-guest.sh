#!/bin/bash
# The first process of a machine in user mode whose kernel is an NFS client, of version 3 and 4.2 of one server. Its root is the host's,
# read-only. PART=bounces: images that lie on the mounts are attached and used, and blobs are put into a target, while the server is killed and
# started again. PART=trouble: the file system behind the server is full, mounts are read-only, or gone, root is nobody.
#
# Kernel arguments, seen as environment: TIDEMARK_HOME the checkout, MODULES a folder with lib/modules, SERVER, EXPORT, and WORDS, a
# folder of the host in which a file appears when what was asked for is done
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
exec 2>&1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for folder in /run /mnt /tmp; do mount -t tmpfs tmpfs "$folder"; done
mount -t devtmpfs devtmpfs /dev 2>/dev/null
for module in fuse loop nfsv3 nfsv4; do modprobe -d "$MODULES" $module; done
# What a failure is to be understood by.
seen() { timeout 5 ls -ldi /mnt/nfs3 /mnt/nfs3/* /mnt/nfs4 /mnt/nfs4/*; grep nfs /proc/mounts; dmesg | tail -n 8; }
fail() { [ $# = 0 ] || echo "$*"; seen; echo FAILED; sync; kill -9 -1; }
ip link set lo up
ip addr add 10.231.0.2/30 dev eth0 && ip link set eth0 up || fail
mkdir /mnt/nfs3 /mnt/nfs4 /mnt/web /mnt/vault
three=vers=3,nolock,proto=tcp,mountproto=tcp,addr=$SERVER
four=vers=4.2,proto=tcp,addr=$SERVER,clientaddr=10.231.0.2
mount -i -t nfs "$SERVER:$EXPORT" /mnt/nfs3 -o "$three" || fail
mount -i -t nfs4 "$SERVER:/export" /mnt/nfs4 -o "$four" || fail
export TIDEMARK_NO_BUILD=1 TIDEMARK_TIER=1 TIDEMARK_SERVER_JAVA_OPTIONS=-XX:TieredStopAtLevel=1 TIDEMARK_RUN=/run/tidemark TIDEMARK_STATE=/mnt/state
tidemark="$TIDEMARK_HOME/tidemark"
path=$TIDEMARK_HOME/backup-targets/target/classes:$TIDEMARK_HOME/backup-targets/target/test-classes
path=$path:$TIDEMARK_HOME/ploop-core/target/test-classes:$TIDEMARK_HOME/appliance/target/lib/*
java="java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx64m --add-opens=java.base/java.lang=ALL-UNNAMED -cp $path"
begin_proof() {
    coproc proof { exec $java org.tidemark.backup.target.local.MountedTargetProof /mnt/vault/target 2>&1; }
    read -r -t 60 answer <&"${proof[0]}" && [ "$answer" = READY ] || fail "$answer"
}
say() { echo "$1" >&"${proof[1]}" && read -r -t 100 answer <&"${proof[0]}" && echo "$answer" && [[ $answer == RESULT* ]]; }
asks() { echo "$1"; for _ in $(seq 300); do [ ! -e "$WORDS/$1" ] || return 0; sleep 0.1; done; fail "not done: $1"; }
# Of an image on the version 4 mount. A server that has just started may have the client's state refused to it, which is an I/O error.
attach4() {
    for _ in 1 2 3 4 5; do
        answer=$("$tidemark" attach "$@" 2>&1) && echo "$answer" && return 0
        echo "$answer" >&2
        case $answer in *"Input/output error"*) sleep 2 ;; *) return 1 ;; esac
    done
    return 1
}
block() { sed -n 's/.*"blockDevice": *"\([^"]*\)".*/\1/p'; }
# How the data files below a folder are open: past the page cache or not.
opened() {
    found=
    for fd in $(find /proc/[0-9]*/fd -lname "$1/*" 2>/dev/null); do
        flags=$(sed -n 's/^flags:[[:space:]]*//p' "${fd%/fd/*}/fdinfo/${fd##*/}" 2>/dev/null)
        [ -z "$flags" ] || [ $((flags & 3)) != 2 ] || [ $((flags & 040000)) = 0 ] || found=direct
    done
    echo "RESULT $1 is open ${found:-through the page cache}"
}

bounces() {
    mount -i -t nfs "$SERVER:$EXPORT/vault" /mnt/vault -o "$three,soft,timeo=50,retrans=2,actimeo=1" || fail
    "$tidemark" attach /mnt/nfs3/web --name web --mount /mnt/web || fail
    disk=$(attach4 /mnt/nfs4/db --name db --json | block) && [ -b "$disk" ] || fail
    opened /mnt/nfs3/web
    opened /mnt/nfs4/db
    cd /run
    verify="--bs=4k --direct=1 --ioengine=psync --verify=crc32c --verify_fatal=1 --randseed=$SEED --eta=never --rw=randwrite"
    echo BOUNCE
    fio --name=web $verify --filename=/mnt/web/verified --size=6m --fsync=64 --output=/run/fio3 &
    fio --name=db $verify --filename="$disk" --size=6m --fdatasync=64 --output=/run/fio4 &
    mkdir /mnt/nfs3/files /mnt/nfs4/files4
    $java org.tidemark.ploop.io.host.MountedImageProof 4 /mnt/nfs3/files /mnt/nfs4/files4 || fail
    wait %1 || { cat /run/fio3; fail; }
    wait %2 || { cat /run/fio4; fail; }
    dd if=/dev/urandom of=/mnt/web/synced bs=64k count=100 conv=fsync status=none || fail
    echo 3 >/proc/sys/vm/drop_caches
    (cd /mnt/web && sha256sum synced verified | sed 's/^/RESULT /') || fail
    head -c 6M "$disk" | sha256sum | sed 's/^/RESULT db /'
    umount /mnt/web && "$tidemark" detach web && "$tidemark" detach db || fail
    begin_proof
    say "put 20" || fail
    echo BOUNCE
    say "put 40" || fail
    asks GONE
    sleep 1.5
    say kinds || fail
}

trouble() {
    mount -i -t nfs4 "$SERVER:/export/vault" /mnt/vault -o "$four,soft,timeo=50,retrans=2,actimeo=1" || fail
    attach4 /mnt/nfs4/web --name web --mount /mnt/web || fail
    disk=$("$tidemark" attach /mnt/nfs3/db --name db --on-full error --json | block) && [ -b "$disk" ] || fail
    dd if=/dev/urandom of=/mnt/web/before bs=64k count=64 conv=fsync status=none || fail
    dd if=/dev/urandom of="$disk" bs=1M count=4 oflag=direct conv=fsync status=none || fail
    head4() { dd if="$disk" bs=1M count=4 iflag=direct status=none | sha256sum; }
    whole=$(head4) before=$(sha256sum /mnt/web/before)
    begin_proof
    say "put 10" || fail
    asks FULL
    dd if=/dev/urandom of=/mnt/web/late bs=64k count=64 conv=fsync status=none &
    late=$!
    for _ in $(seq 20); do
        "$tidemark" devices --json >/run/devices || fail
        ! grep -q '"FULL"' /run/devices || break
    done
    grep -q '"FULL"' /run/devices && kill -0 $late && echo "RESULT web waits" || { cat /run/devices; fail; }
    echo 3 >/proc/sys/vm/drop_caches
    [ "$(sha256sum /mnt/web/before)" = "$before" ] && [ "$(head4)" = "$whole" ] && echo "RESULT reads go on" || fail
    dd if=/dev/urandom of="$disk" bs=1M seek=16 count=4 oflag=direct conv=fsync status=none 2>&1 | sed 's/^/RESULT db: /'
    say fill || fail
    say "put 0" || fail
    asks ROOM
    wait $late && echo "RESULT web went on" || fail
    dd if=/dev/urandom of="$disk" bs=1M seek=16 count=4 oflag=direct conv=fsync status=none && echo "RESULT db went on" || fail
    say "put 5" || fail

    mount -o remount,ro /mnt/vault || fail
    say kinds && say words || fail
    mount -o remount,rw /mnt/vault && say "put 1" || fail
    umount -l /mnt/vault || fail
    say kinds && say words || fail
    [ -z "$(ls -A /mnt/vault)" ] && echo "RESULT nothing beneath" || fail
    mount -i -t nfs4 "$SERVER:/export/vault" /mnt/vault -o "$four,soft,timeo=50,retrans=2,actimeo=1" && say "put 1" || fail

    (cd /mnt/web && sha256sum before late | sed 's/^/RESULT /') || fail
    umount /mnt/web && "$tidemark" detach web || fail
    asks READONLY
    say words || fail
    dd if=/dev/urandom of="$disk" bs=1M seek=2 count=1 oflag=direct status=none && fail "written"
    [ "$(head4)" = "$whole" ] && echo "RESULT reads go on" || fail
    dd if=/dev/urandom of="$disk" bs=1M seek=2 count=1 oflag=direct status=none && fail "written"
    "$tidemark" devices --json | tr -d '\n' | sed 's/^/RESULT devices /;s/$/\n/'
    "$tidemark" detach db --abort || fail
    asks SQUASHED
    say words || fail
    attach4 /mnt/nfs4/web --name web && fail attached
}

$PART
umount -l /mnt/vault
umount /mnt/nfs3
umount /mnt/nfs4
echo DONE
sync
kill -9 -1
