#!/bin/bash
# The first process of a machine in user mode with quotas. Its root is the host's, read-only; its disk is /dev/ubda. Mounts the
# image on that disk and tells where its size and a user's quota stop a writer.
#
# Kernel arguments, seen as environment: TIDEMARK_HOME the checkout, MODULES a folder with lib/modules
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
exec 2>&1
read -r -d '' program <<'PY'
import ctypes, errno, os, struct, sys
folder, device, what = sys.argv[1:4]
def limit(user, kibibytes):
    libc = ctypes.CDLL(None, use_errno=True)
    # Q_SETQUOTA of users; struct dqblk with the two limits on blocks and QIF_BLIMITS
    limits = struct.pack('<8QI4x', kibibytes, 0, 0, 0, 0, 0, 0, 0, 1)
    if libc.quotactl(0x800008 << 8, device.encode(), user, limits) != 0:
        raise OSError(ctypes.get_errno(), 'quotactl')
def fill(name):
    fd = os.open(folder + '/' + name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    written = os.fstat(fd).st_size
    piece = os.urandom(65536)
    try:
        while written < 1 << 30:
            written += os.write(fd, piece)
            if written % (1 << 20) < 65536:
                os.fsync(fd)
        return 'nothing %d' % written
    except OSError as e:
        return '%s %d' % (errno.errorcode[e.errno], written)
if what == 'user':
    os.chmod(folder, 0o777)
    limit(1000, 10240)
    if os.fork() == 0:
        os.setgid(1000)
        os.setuid(1000)
        print('RESULT user', fill('by-user'), flush=True)
        os._exit(0)
    os.wait()
else:
    print('RESULT', what, fill('by-root'), flush=True)
PY
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for folder in /run /mnt /tmp; do mount -t tmpfs tmpfs "$folder"; done
mount -t devtmpfs devtmpfs /dev 2>/dev/null
for module in fuse loop quota_tree quota_v2; do modprobe -d "$MODULES" $module; done
mkdir /mnt/disk /mnt/web
mount /dev/ubda /mnt/disk
export TIDEMARK_NO_BUILD=1 TIDEMARK_TIER=1 TIDEMARK_SERVER_JAVA_OPTIONS=-XX:TieredStopAtLevel=1 TIDEMARK_RUN=/run/tidemark TIDEMARK_STATE=/mnt/state
tidemark="$TIDEMARK_HOME/tidemark"
"$tidemark" attach /mnt/disk/web || { echo FAILED; sync; kill -9 -1; }
device=/dev/$(basename "$(dirname "$(dirname "$(grep -l tidemark /sys/block/loop*/loop/backing_file)")")")
mount -o usrquota "$device" /mnt/web &&
    python3 -c "$program" /mnt/web "$device" user &&
    python3 -c "$program" /mnt/web "$device" root &&
    "$tidemark" image resize /mnt/disk/web 96M &&
    python3 -c "$program" /mnt/web "$device" grown &&
    umount /mnt/web && e2fsck -fn "$device" >/dev/null && "$tidemark" detach /mnt/disk/web && echo DONE
echo FAILED
sync
kill -9 -1
