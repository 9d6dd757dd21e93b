#!/bin/bash
# The first process of a machine in user mode whose kernel is an NBD client. Its root is the host's, read-only; its disk is
# /dev/ubda. Attaches the image on that disk, exports it, makes the export /dev/nbd0 with nbd-client and uses a file system on that.
#
# Kernel arguments, seen as environment: TIDEMARK_HOME the checkout, MODULES a folder with lib/modules
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
exec 2>&1
read -r -d '' program <<'PY'
import fcntl, json, os, socket, sys, time
SET_SIZE_BLOCKS, GROWN = 0xab07, 160 << 20
def connected(path):
    end = time.monotonic() + 90
    while True:
        try:
            control = socket.socket(socket.AF_UNIX)
            control.connect(path)
            return control
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
lines = connected(sys.argv[1] + '/control.sock').makefile('rw')
def request(number, command, arguments):
    lines.write(json.dumps({'id': number, 'command': command, 'arguments': arguments}) + '\n')
    lines.flush()
    answer = json.loads(lines.readline())
    if 'error' in answer:
        raise SystemExit(answer['error'])
    return answer['result']
request(1, 'hello', {'protocol': {'lowest': 1, 'highest': 2}})
request(2, 'attach', {'image': sys.argv[2], 'device': 'web'})
# The export lives as long as this connection.
export = request(3, 'nbd.export', {'device': 'web'})
print(export['socket'], export['export'], flush=True)
sys.stdin.readline()
request(4, 'resize', {'device': 'web', 'sizeBytes': GROWN})
# Nothing in the protocol tells the client; whoever made the disk larger does.
kernel = os.open('/dev/nbd0', os.O_RDWR)
fcntl.ioctl(kernel, SET_SIZE_BLOCKS, GROWN // 512)
os.close(kernel)
print('grown', flush=True)
sys.stdin.readline()
request(5, 'detach', {'device': 'web'})
print('detached', flush=True)
PY
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for folder in /run /mnt /tmp; do mount -t tmpfs tmpfs "$folder"; done
mount -t devtmpfs devtmpfs /dev 2>/dev/null
for module in fuse loop "nbd nbds_max=1"; do modprobe -d "$MODULES" $module; done
fail() { echo FAILED; sync; kill -9 -1; }
mkdir /mnt/disk /mnt/web
mount /dev/ubda /mnt/disk
export TIDEMARK_NO_BUILD=1 TIDEMARK_TIER=1 TIDEMARK_SERVER_JAVA_OPTIONS=-XX:TieredStopAtLevel=1 TIDEMARK_RUN=/run/tidemark TIDEMARK_STATE=/mnt/state
tidemark="$TIDEMARK_HOME/tidemark"
# Each Java process takes seconds here: exports need neither a holder nor commands.
"$tidemark" device-server &
coproc plane { exec python3 -c "$program" /run/tidemark /mnt/disk/web; }
read -r -t 100 socket export <&"${plane[0]}" || fail
nbd-client -nonetlink -unix "$socket" -N "$export" -b 512 -timeout 60 /dev/nbd0 || fail
queue=/sys/block/nbd0/queue
echo "RESULT queue $(cat $queue/write_cache), fua $(cat $queue/fua), discard $(cat $queue/discard_max_bytes)"
mount -o discard /dev/nbd0 /mnt/web || fail
dd if=/dev/urandom of=/mnt/web/synced bs=64k count=200 conv=fsync status=none || fail
dd if=/dev/urandom of=/mnt/web/direct bs=256k count=20 oflag=direct,sync status=none || fail
dd if=/dev/zero of=/mnt/web/gone bs=1M count=16 conv=fsync status=none && rm /mnt/web/gone
fstrim /mnt/web || fail
echo 3 >/proc/sys/vm/drop_caches
(cd /mnt/web && sha256sum synced direct | sed 's/^/RESULT /') || fail
umount /mnt/web && e2fsck -fn /dev/nbd0 >/dev/null || fail
echo "RESULT sectors $(awk '{print $3, $7, $14}' /sys/block/nbd0/stat)"
# The same connection goes on to the new end.
[ "$(blockdev --getsize64 /dev/nbd0)" = $((128 << 20)) ] || fail
echo grow >&"${plane[1]}" && read -r -t 60 answer <&"${plane[0]}" && [ "$answer" = grown ] || fail
dd if=/dev/urandom of=/tmp/end bs=1M count=1 status=none
dd if=/tmp/end of=/dev/nbd0 bs=1M seek=159 oflag=direct conv=fsync status=none || fail
dd if=/dev/nbd0 bs=1M skip=159 count=1 iflag=direct status=none | sha256sum | sed 's/^/RESULT /; s/-$/end/'
cmp -n 1048576 -i 0:166723584 /tmp/end /dev/nbd0 || fail
nbd-client -d /dev/nbd0 && echo detach >&"${plane[1]}" && read -r -t 60 answer <&"${plane[0]}" && [ "$answer" = detached ] &&
    umount /mnt/disk && echo DONE
fail
