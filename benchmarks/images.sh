#!/bin/bash
# Whole commands on images as files, against qemu-img on qcow2: clone, snapshot, merge, convert, check, compact. See README.md.
#   benchmarks/images.sh [--rounds 7]
rounds=7
while [ $# -gt 0 ]; do
    case $1 in
        --rounds) rounds=$2; shift 2 ;;
        *) echo "usage: $0 [--rounds N]" >&2; exit 2 ;;
    esac
done
. "$(dirname "$0")/lib/common.sh"
need qemu-img qemu-io

out=$(result_file images)
{
    echo "# Images as files: Tidemark and qemu-img"
    echo
    machine_lines
    echo "- method: whole commands, $rounds interleaved rounds, medians; 1 GiB of data that does not repeat, clusters of 1 MiB" \
        "(expanded) and 64 KiB (qcow2), files on the disk above, page cache warm. Every command of Tidemark begins with a Java" \
        "process: 'tidemark --version' is that alone"
    echo
    python3 "$here/lib/images.py" "$tidemark" "$disk_folder" "$rounds"
} >"$out.new"
mv "$out.new" "$out"
cat "$out"
