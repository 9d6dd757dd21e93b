#!/bin/bash
# The price of the change tracker: one mark in memory, and the first write to a region that was clean, on the disk. See README.md.
#   benchmarks/tracker.sh [--rounds 7] [--size 4096]
rounds=7 size_mib=4096
while [ $# -gt 0 ]; do
    case $1 in
        --rounds) rounds=$2; shift 2 ;;
        --size) size_mib=$2; shift 2 ;;
        *) echo "usage: $0 [--rounds N] [--size MIB]" >&2; exit 2 ;;
    esac
done
. "$(dirname "$0")/lib/common.sh"
need fio

jar=$top/appliance/target/appliance-0.1.0-SNAPSHOT.jar
mkdir "$memory_folder/mark"
java -XX:+UseSerialGC --add-opens=java.base/java.lang=ALL-UNNAMED -cp "$jar:$top/appliance/target/lib/*" \
    "$here/lib/TrackerMark.java" "$memory_folder/mark" "$((rounds * 3))" >"$memory_folder/mark.md"

# Written once, so that no write allocates; attached anew for each round, so that every region is clean. One 4k write for each region of
# 4 MiB, then one into each of them again.
raw=$disk_folder/first.raw
fallocate -l "${size_mib}M" "$raw"
fio --name=fill --filename="$raw" --direct=1 --ioengine=libaio --rw=write --bs=1M --iodepth=4 --output=/dev/null
for round in $(seq "$rounds"); do
    depth=${#undo[@]}
    tidemark_attach "$raw" first --whole-disk
    for turn in first second; do
        timeout 120 fio --name=job --filename="$attached" --direct=1 --ioengine=libaio --rw=write --bs=4k --iodepth=1 \
            --zonemode=strided --zonesize=4k --zonerange=4M --size="${size_mib}M" --io_size="$((size_mib / 4 * 4))k" \
            --output-format=json --output="$memory_folder/$turn.$round.json" >/dev/null
    done
    while [ ${#undo[@]} -gt "$depth" ]; do
        eval "${undo[-1]}" >/dev/null 2>&1 || true
        unset 'undo[-1]'
    done
done

out=$(result_file tracker)
{
    echo "# The change tracker"
    echo
    machine_lines
    echo
    echo "## A mark"
    echo
    echo "Nanoseconds of one mark of a random 4 KiB block of 4 GiB, regions open; medians of $((rounds * 3)) rounds of a million."
    echo
    echo "| | ns |"
    echo "|---|---|"
    cat "$memory_folder/mark.md"
    echo
    echo "## The first write to a clean region"
    echo
    echo "Raw image of $size_mib MiB on the disk, written before; 4 KiB into each region of 4 MiB, depth 1, after an attach, and once more." \
        "The first one makes it durable that the region will change before it is written. Medians of $rounds rounds."
    echo
    echo "| | p50, us | p99, us | longest, ms | IOPS |"
    echo "|---|---|---|---|---|"
    python3 - "$memory_folder" "$rounds" <<'PYTHON'
import json
import statistics
import sys

folder, rounds = sys.argv[1], int(sys.argv[2])
for turn, words in (("first", "first write to each region"), ("second", "second write to each")):
    rows = []
    for number in range(1, rounds + 1):
        job = json.load(open(f"{folder}/{turn}.{number}.json"))["jobs"][0]["write"]
        parts = job["clat_ns"]["percentile"]
        rows.append((parts["50.000000"] / 1e3, parts["99.000000"] / 1e3, job["clat_ns"]["max"] / 1e6, job["iops"]))
    middle = [statistics.median(column) for column in zip(*rows)]
    print(f"| {words} | {middle[0]:,.0f} | **{middle[1]:,.0f}** | {middle[2]:.1f} | {middle[3]:,.0f} |")
PYTHON
} >"$memory_folder/table.md"
cp "$memory_folder/table.md" "$out"
cat "$out"
