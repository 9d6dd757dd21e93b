#!/bin/bash
# What one device notices of another: a slow image, a storm of large writes on the same disk. See README.md.
#   benchmarks/isolation.sh [--rounds 7] [--seconds 3]
rounds=7
seconds=3
while [ $# -gt 0 ]; do
    case $1 in
        --rounds) rounds=$2; shift 2 ;;
        --seconds) seconds=$2; shift 2 ;;
        *) echo "usage: $0 [--rounds N] [--seconds N]" >&2; exit 2 ;;
    esac
done
. "$(dirname "$0")/lib/common.sh"
need fio nbdkit nbdfuse

# An image that takes 20 ms for each I/O: raw, on a file that nbdkit serves through FUSE.
slow=$memory_folder/slow
mkdir "$slow"
: >"$slow/image.raw"
nbdfuse "$slow/image.raw" [ nbdkit --exit-with-parent --threads 64 --filter=delay memory 256M rdelay=20ms wdelay=20ms ] &
later "umount -l '$slow/image.raw'"
for i in $(seq 100); do
    [ "$(stat -c %s "$slow/image.raw")" != 0 ] && break
    sleep 0.05
done
tidemark_attach "$slow/image.raw" slow --whole-disk
slow_device=$attached

image() { timeout 60 "$tidemark" image create "$1" --size 512M --single-file --no-partition >/dev/null; }
image "$memory_folder/quick.hdd"
tidemark_attach "$memory_folder/quick.hdd" quick --whole-disk
quick_device=$attached
for one in a b; do
    image "$disk_folder/$one.hdd"
    tidemark_attach "$disk_folder/$one.hdd" "$one" --whole-disk
    eval "${one}_device=\$attached"
    fallocate -l 512M "$disk_folder/$one.raw"
    loop_attach "$disk_folder/$one.raw"
    eval "${one}_loop=\$attached"
done
# shellcheck disable=SC2154
for one in "$quick_device" "$a_device" "$b_device" "$a_loop" "$b_loop"; do
    timeout 120 fio --name=fill --filename="$one" --direct=1 --ioengine=libaio --rw=write --bs=1M --iodepth=4 --output=/dev/null
done

out=$(result_file isolation)
{
    echo "# Isolation: what one device notices of another"
    echo
    machine_lines
    echo "- method: $rounds rounds of $seconds s a job, the jobs take turns within a round; medians, and medians of the rounds' own ratios." \
        "One device server for all devices"
    echo
    python3 "$here/lib/isolation.py" "$rounds" "$seconds" "$slow_device" "$quick_device" \
        "$a_device" "$b_device" "$a_loop" "$b_loop" "$tidemark"
} >"$memory_folder/table.md"
cp "$memory_folder/table.md" "$out"
cat "$out"
