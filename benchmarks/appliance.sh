#!/bin/bash
# Start-up, memory of each process, and latency of the appliance's interface. See README.md.
#   benchmarks/appliance.sh [--starts 7] [--requests 500]
starts=7 requests=500
while [ $# -gt 0 ]; do
    case $1 in
        --starts) starts=$2; shift 2 ;;
        --requests) requests=$2; shift 2 ;;
        *) echo "usage: $0 [--starts N] [--requests N]" >&2; exit 2 ;;
    esac
done
. "$(dirname "$0")/lib/common.sh"

timeout 1200 python3 "$here/lib/appliance_bench.py" "$tidemark" "$disk_folder" "$starts" "$requests" >"$memory_folder/rows.md"
out=$(result_file appliance)
{
    echo "# The appliance: start, memory, latency"
    echo
    machine_lines
    echo "- method: 'tidemark serve' with an embedded catalogue, no TLS, on loopback; start = from the command to the line that" \
        "says where it listens, and to the first answered request, $starts times, the first with an empty state folder;" \
        "memory = resident set after a full and two incremental backups of a 1 GiB image and after the requests; latency =" \
        "$requests sequential requests each on one connection, with 20 containers, 3 policies and 60 jobs in the catalogue," \
        "after 100 to warm up. There is no peer that offers the same; the figures stand for themselves"
    echo
    cat "$memory_folder/rows.md"
} >"$memory_folder/table.md"
cp "$memory_folder/table.md" "$out"
cat "$out"
