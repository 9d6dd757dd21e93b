#!/bin/bash
# The first process of a machine in user mode with little memory and no swap. Its root is the host's, read-only; its disk is
# /dev/ubda. Fills the memory until hardly any is left, lets a writer dirty pages of a device almost without bound, and compares.
#
# Kernel arguments, seen as environment: TIDEMARK_HOME the checkout, MODULES a folder with lib/modules
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
exec 2>&1
read -r -d '' hog <<'PY'
import time
def available():
    return next(int(line.split()[1]) for line in open('/proc/meminfo') if line.startswith('MemAvailable')) // 1024
held = []
while available() > 56:
    held.append(bytearray(b'x' * (1 << 20)))
print('LEFT', available(), 'held', len(held), flush=True)
open('/run/full', 'w').close()
while True:
    for one in held:
        one[0] = 1
    time.sleep(1)
PY
read -r -d '' storm <<'PY'
import hashlib, os, sys
path, mebibytes = sys.argv[1], int(sys.argv[2])
block = os.urandom(1 << 20)
written = hashlib.sha256()
least = 1 << 30
with open(path, 'wb', buffering=0) as out:
    for i in range(mebibytes):
        piece = i.to_bytes(8, 'little') + block[8:]
        written.update(piece)
        out.write(piece)
        free = next(int(line.split()[1]) for line in open('/proc/meminfo') if line.startswith('MemFree')) // 1024
        least = min(least, free)
    os.fsync(out.fileno())
print('STORM', mebibytes, 'MiB; least free', least, 'MiB', flush=True)
open('/proc/sys/vm/drop_caches', 'w').write('3')
read = hashlib.sha256()
with open(path, 'rb', buffering=0) as source:
    while piece := source.read(1 << 20):
        read.update(piece)
print('COMPARED', 'equal' if read.digest() == written.digest() else 'DIFFERENT', flush=True)
PY
# Says, when nothing was heard in time, who waits for what. Its pages stay in memory: nobody else may have any left.
read -r -d '' watch <<'PY'
import ctypes, os, time
ctypes.CDLL(None).mlockall(3)
def fields(path, *names):
    with open(path) as lines:
        return [' '.join(line.split()) for line in lines if line.startswith(names)]
def say(*words):
    print('WATCH', *words, flush=True)
waited = 0
for seconds in (60, 60, 120, 240):
    time.sleep(seconds)
    waited += seconds
    say(waited, 's;', ', '.join(fields('/proc/meminfo', 'Mem', 'Dirty', 'Writeback:', 'Active(file)', 'Inactive(file)', 'Mlocked')))
    for task in sorted(filter(str.isdigit, os.listdir('/proc')), key=int):
        try:
            name, state = (field.split()[1] for field in fields(f'/proc/{task}/status', 'Name:', 'State:'))
            for thread in os.listdir(f'/proc/{task}/task') if state != 'Z' else ():
                with open(f'/proc/{task}/task/{thread}/stack') as stack:
                    calls = [line.split()[-1].split('+')[0] for line in stack]
                    waits = fields(f'/proc/{task}/task/{thread}/status', 'State:')
                if calls and 'D' in waits[0]:
                    say(task, name, thread, *waits, *calls[:12])
        except OSError as e:
            say(task, e)
PY
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for folder in /run /mnt /tmp; do mount -t tmpfs tmpfs "$folder"; done
mount -t devtmpfs devtmpfs /dev 2>/dev/null
for module in fuse loop; do modprobe -d "$MODULES" $module; done
mkdir /mnt/disk /mnt/web
mount /dev/ubda /mnt/disk
export TIDEMARK_NO_BUILD=1 TIDEMARK_TIER=1 TIDEMARK_SERVER_JAVA_OPTIONS=-XX:TieredStopAtLevel=1 TIDEMARK_RUN=/run/tidemark TIDEMARK_STATE=/mnt/state
tidemark="$TIDEMARK_HOME/tidemark"
"$tidemark" attach /mnt/disk/web --mount /mnt/web || { echo FAILED; sync; kill -9 -1; }
"$tidemark" doctor | grep -i 'flush\|memory'
# As many dirty pages as there is memory.
echo 90 >/proc/sys/vm/dirty_ratio
echo 80 >/proc/sys/vm/dirty_background_ratio
python3 -c "$watch" &
python3 -c "$hog" &
for _ in $(seq 200); do [ -e /run/full ] && break; sleep 0.1; done
python3 -c "$storm" /mnt/web/storm 200 && kill %1 %2 && umount /mnt/web && "$tidemark" detach /mnt/disk/web && umount /mnt/disk && echo DONE
dmesg | tail -n 20
echo FAILED
sync
kill -9 -1
