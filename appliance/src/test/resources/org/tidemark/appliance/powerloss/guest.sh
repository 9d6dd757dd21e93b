#!/bin/bash
# The first process of a machine in user mode whose power will be cut. Its root is the host's, read-only; its disk is
# /dev/ubda. Attaches the image on that disk and writes to it until the end, telling what the disk acknowledged.
#
# Kernel arguments, seen as environment: TIDEMARK_HOME the checkout, MODULES a folder with lib/modules, SEED a number
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
exec 2>&1
read -r -d '' writer <<'PY'
import os, random, sys
folder, seed = sys.argv[1], int(sys.argv[2])
rng = random.Random(seed)
BLOCKS, SIZE = 512, 4096
fd = os.open(folder + '/blocks', os.O_RDWR | os.O_CREAT, 0o644)
versions = [0] * BLOCKS
for i in range(BLOCKS):
    old = os.pread(fd, 16, i * SIZE)
    versions[i] = int.from_bytes(old[8:16], 'little') if len(old) == 16 else 0
log = os.open(folder + '/log', os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
# Nobody syncs this one: it shows that the power was cut indeed.
if os.path.exists(folder + '/unsynced'):
    os.unlink(folder + '/unsynced')
with open(folder + '/unsynced', 'wb') as f:
    f.write(b'never synced' * 1000)
print('READY', flush=True)
while True:
    touched = []
    for _ in range(rng.randint(1, 8)):
        i = rng.randrange(BLOCKS)
        versions[i] += 1
        os.pwrite(fd, (i.to_bytes(8, 'little') + versions[i].to_bytes(8, 'little')) * (SIZE // 16), i * SIZE)
        touched.append('%d:%d' % (i, versions[i]))
    if rng.random() < 0.2:
        name = folder + '/file-%d' % rng.randrange(200)
        if os.path.exists(name):
            os.unlink(name)
        else:
            with open(name, 'wb') as f:
                f.write(os.urandom(rng.randint(1, 200000)))
    os.write(log, (' '.join(touched) + '\n').encode())
    os.fdatasync(fd)
    os.fsync(log)
    print('SYNCED', ' '.join(touched), flush=True)
PY
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for folder in /run /mnt /tmp; do mount -t tmpfs tmpfs "$folder"; done
mount -t devtmpfs devtmpfs /dev 2>/dev/null
for module in fuse loop; do modprobe -d "$MODULES" $module; done
mkdir /mnt/disk /mnt/web
mount /dev/ubda /mnt/disk
export TIDEMARK_NO_BUILD=1 TIDEMARK_TIER=1 TIDEMARK_SERVER_JAVA_OPTIONS=-XX:TieredStopAtLevel=1 TIDEMARK_RUN=/run/tidemark TIDEMARK_STATE=/mnt/state
"$TIDEMARK_HOME/tidemark" attach /mnt/disk/web --mount /mnt/web && python3 -c "$writer" /mnt/web "$SEED"
echo FAILED
sync
kill -9 -1
