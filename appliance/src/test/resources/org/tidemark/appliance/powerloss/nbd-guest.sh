#!/bin/bash
# The first process of a machine in user mode whose kernel is an NBD client. Its root is the host's, read-only; its disk is
# /dev/ubda. Attaches the image on that disk, exports it, makes the export /dev/nbd0 and uses a file system on that.
#
# Kernel arguments, seen as environment: TIDEMARK_HOME the checkout, MODULES a folder with lib/modules
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
exec 2>&1
read -r -d '' program <<'PY'
import fcntl, json, os, socket, struct, sys
SET_SOCK, SET_BLOCK, DO_IT, CLEAR, SET_BLOCKS, DISCONNECT, SET_TIMEOUT, SET_FLAGS = (
    0xab00, 0xab01, 0xab03, 0xab04, 0xab07, 0xab08, 0xab09, 0xab0a)
device = os.open('/dev/nbd0', os.O_RDWR)
if sys.argv[1] == 'disconnect':
    fcntl.ioctl(device, DISCONNECT)
    sys.exit(0)
control = socket.socket(socket.AF_UNIX)
control.connect(sys.argv[1] + '/control.sock')
lines = control.makefile('rw')
def request(number, command, arguments):
    lines.write(json.dumps({'id': number, 'command': command, 'arguments': arguments}) + '\n')
    lines.flush()
    answer = json.loads(lines.readline())
    if 'error' in answer:
        raise SystemExit(answer['error'])
    return answer['result']
request(1, 'hello', {'protocol': {'lowest': 1, 'highest': 2}})
# The export lives as long as this connection.
export = request(2, 'nbd.export', {'device': sys.argv[2]})
server = socket.socket(socket.AF_UNIX)
server.connect(export['socket'])
def take(count):
    data = b''
    while len(data) < count:
        piece = server.recv(count - len(data))
        if not piece:
            raise SystemExit('the server went away')
        data += piece
    return data
greeting = struct.unpack('>8s8sH', take(18))
assert greeting[:2] == (b'NBDMAGIC', b'IHAVEOPT'), greeting
name = export['export'].encode()
# What the kernel speaks: simple replies, no zeroes after the name.
server.sendall(struct.pack('>I', 3) + struct.pack('>8sIII', b'IHAVEOPT', 7, 6 + len(name), len(name)) + name + b'\0\0')
size = flags = None
while True:
    magic, option, kind, length = struct.unpack('>QIII', take(20))
    data = take(length)
    if kind == 1:
        break
    if kind & 0x80000000:
        raise SystemExit(data)
    if kind == 3 and data[:2] == b'\0\0':
        size, flags = struct.unpack('>QH', data[2:12])
print('RESULT flags', flags, flush=True)
for request, value in (CLEAR, 0), (SET_BLOCK, 512), (SET_BLOCKS, size // 512), (SET_FLAGS, flags), (SET_TIMEOUT, 60):
    fcntl.ioctl(device, request, value)
fcntl.ioctl(device, SET_SOCK, server.fileno())
open('/tmp/ready', 'w').close()
fcntl.ioctl(device, DO_IT)
fcntl.ioctl(device, CLEAR)
PY
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for folder in /run /mnt /tmp; do mount -t tmpfs tmpfs "$folder"; done
mount -t devtmpfs devtmpfs /dev 2>/dev/null
for module in fuse loop "nbd nbds_max=1"; do modprobe -d "$MODULES" $module; done
fail() { echo FAILED; sync; kill -9 -1; }
mkdir /mnt/disk /mnt/web
mount /dev/ubda /mnt/disk
export TIDEMARK_NO_BUILD=1 TIDEMARK_TIER=1 TIDEMARK_RUN=/run/tidemark TIDEMARK_STATE=/mnt/state
tidemark="$TIDEMARK_HOME/tidemark"
# A machine in user mode on a busy host may need longer for its first Java processes than a command waits for them.
for try in 1 2 3; do "$tidemark" attach /mnt/disk/web --name web && break; done
python3 -c "$program" /run/tidemark web &
client=$!
for look in $(seq 600); do [ -e /tmp/ready ] && [ "$(cat /sys/block/nbd0/size)" -gt 0 ] && break; sleep 0.1; done
mount -o discard /dev/nbd0 /mnt/web || fail
dd if=/dev/urandom of=/mnt/web/synced bs=64k count=200 conv=fsync status=none || fail
dd if=/dev/urandom of=/mnt/web/direct bs=256k count=20 oflag=direct,sync status=none || fail
dd if=/dev/zero of=/mnt/web/gone bs=1M count=16 conv=fsync status=none && rm /mnt/web/gone
fstrim /mnt/web || fail
echo 3 >/proc/sys/vm/drop_caches
(cd /mnt/web && sha256sum synced direct | sed 's/^/RESULT /') || fail
umount /mnt/web && e2fsck -fn /dev/nbd0 >/dev/null || fail
echo "RESULT sectors $(awk '{print $3, $7, $14}' /sys/block/nbd0/stat)"
python3 -c "$program" disconnect && wait $client || fail
"$tidemark" detach web && umount /mnt/disk && echo DONE
fail
