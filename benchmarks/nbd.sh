#!/bin/bash
# NBD: an export of an attached device against qemu-nbd on the same kind of image, in memory. See README.md.
#   benchmarks/nbd.sh [--rounds 7] [--size 1024] [--nfs]
# With --nfs both images lie on an NFS server, which both speak to by libnfs, without a mount.
rounds=7 size_mib=1024 home=memory
while [ $# -gt 0 ]; do
    case $1 in
        --rounds) rounds=$2; shift 2 ;;
        --size) size_mib=$2; shift 2 ;;
        --nfs) home=nfs; shift ;;
        *) echo "usage: $0 [--rounds N] [--size MIB] [--nfs]" >&2; exit 2 ;;
    esac
done
. "$(dirname "$0")/lib/common.sh"
need qemu-nbd qemu-img nbdcopy nbdinfo

count=30000 name=nbd
place="in memory" options=(--cache=none --aio=io_uring) qemu_way="cache none, io_uring"
image=$memory_folder/t.hdd qemu_image=$memory_folder/q.hdd single=(--single-file)
if [ $home = nfs ]; then
    need ganesha.nfsd rpcbind ip
    count=10000 name=nbd-nfs
    later "'$here/nfs-server.sh' stop '$memory_folder/nfs'"
    eval "$("$here/nfs-server.sh" start "$memory_folder/nfs" $((size_mib * 3)))"
    # shellcheck disable=SC2154
    image=nfs://$server$export/t qemu_image=nfs://$server$export/q.hdd single=()
    place="on nfs-ganesha $(ganesha.nfsd -v | head -n 1 | grep -o '[0-9.]*$'), NFS version 3, ext4 in memory, on this machine over \
a pair of virtual interfaces" options=() qemu_way="its NFS driver (libnfs), defaults"
fi
dd if=/dev/urandom of="$memory_folder/content" bs=1M count="$size_mib" status=none
timeout 60 "$tidemark" image create "$image" --size "${size_mib}M" "${single[@]}" --no-partition >/dev/null
tidemark_attach "$image" nbd --whole-disk
"$tidemark" serve --listen 127.0.0.1:0 --tls off >"$disk_folder/serve.log" 2>&1 &
later "kill $!"
for _ in $(seq 300); do [ -f "$TIDEMARK_STATE/local-access.json" ] && break; sleep 0.1; done
tidemark_uri=$(timeout 60 "$tidemark" export add --device nbd --writable --json |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["localUri"])')

qemu-img create -q -f parallels "$qemu_image" "${size_mib}M"
qemu-nbd -f parallels -k "$memory_folder/qemu.sock" -e 16 -t "${options[@]}" "$qemu_image" &
later "kill $!"
for _ in $(seq 100); do [ -S "$memory_folder/qemu.sock" ] && break; sleep 0.05; done
qemu_uri="nbd+unix:///?socket=$memory_folder/qemu.sock"

out=$(result_file $name)
{
    if [ $home = nfs ]; then
        echo "# A device whose image is on NFS: an export of Tidemark, qemu-nbd"
    else
        echo "# NBD: an export of Tidemark, qemu-nbd"
    fi
    echo
    machine_lines
    echo "- method: expanded image, $size_mib MiB, $place; Tidemark: attached, exported for writing on a Unix socket;" \
        "qemu-nbd $(qemu-nbd --version | head -n 1 | grep -o '[0-9.]*' | head -n 1): parallels image, $qemu_way." \
        "nbdcopy with its usual 4 connections, qemu-img bench at depth 16 on one. $rounds interleaved rounds, medians"
    echo
    python3 - "$rounds" "$size_mib" "$memory_folder/content" "$tidemark_uri" "$qemu_uri" "$count" <<'PYTHON'
import statistics
import subprocess
import sys
import time

rounds, size = int(sys.argv[1]), int(sys.argv[2])
content, uris = sys.argv[3], {"Tidemark": sys.argv[4], "qemu-nbd": sys.argv[5]}
COUNT = int(sys.argv[6])


def seconds(*command):
    begun = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=300)
    return time.monotonic() - begun


def bench(uri, *options):
    return COUNT / seconds("qemu-img", "bench", "-f", "raw", "-c", str(COUNT), "-d", "16", "-s", "4096", "-S", "69632",
                           *options, uri)


JOBS = [
    ("write everything, nbdcopy, MiB/s", lambda uri: size / seconds("nbdcopy", "--flush", content, uri)),
    ("read everything, nbdcopy, MiB/s", lambda uri: size / seconds("nbdcopy", "--allocated", uri, "null:")),
    ("4k reads at depth 16, qemu-img bench, IOPS", bench),
    ("4k writes at depth 16, qemu-img bench, IOPS", lambda uri: bench(uri, "-w")),
]
found = {}
for turn in range(rounds + 1):
    for job, measure in JOBS:
        for name, uri in uris.items():
            value = measure(uri)
            if turn > 0:
                found.setdefault((job, name), []).append(value)
print("| | Tidemark | qemu-nbd | Tidemark / qemu-nbd |")
print("|---|---|---|---|")
for job, _ in JOBS:
    ours, theirs = found[job, "Tidemark"], found[job, "qemu-nbd"]
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    print(f"| {job} | {statistics.median(ours):,.0f} | {statistics.median(theirs):,.0f} | **{ratio:.2f}** |")
PYTHON
} >"$memory_folder/table.md"
cp "$memory_folder/table.md" "$out"
cat "$out"
