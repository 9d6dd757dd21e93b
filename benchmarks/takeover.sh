#!/bin/bash
# kill -9 of the device server under load: time from the kill to the first write that completes after it. See README.md.
#   benchmarks/takeover.sh [--kills 20]
kills=20
while [ $# -gt 0 ]; do
    case $1 in
        --kills) kills=$2; shift 2 ;;
        *) echo "usage: $0 [--kills N]" >&2; exit 2 ;;
    esac
done
. "$(dirname "$0")/lib/common.sh"
need fio

timeout 60 "$tidemark" image create "$memory_folder/c.hdd" --size 1G --single-file --no-partition >/dev/null
tidemark_attach "$memory_folder/c.hdd" takeover --whole-disk
timeout 120 fio --name=fill --filename="$attached" --direct=1 --ioengine=libaio --rw=write --bs=1M --iodepth=4 --output=/dev/null

for turn in $(seq "$kills"); do
    # Completion times of every write, against a clock that the killer reads too.
    timeout 60 fio --name=job --filename="$attached" --direct=1 --ioengine=libaio --rw=randwrite --bs=4k --iodepth=1 \
        --rate_iops=2000 --time_based --runtime=3 --norandommap --log_unix_epoch=1 --write_lat_log="$memory_folder/turn$turn" \
        --log_avg_msec=0 --output="$memory_folder/fio$turn.txt" &
    load=$!
    sleep 0.$((RANDOM % 900 + 100))
    pid=$(server_pid DeviceServerMain)
    python3 -c 'import os, sys, time
now = time.time()
os.kill(int(sys.argv[1]), 9)
print(now * 1000)' "$pid" >"$memory_folder/kill$turn"
    wait "$load" || fail "the load saw an error at kill $turn"
    # A server that dies young is started with a pause: let it have served for a while, as in life.
    sleep 1
done

out=$(result_file takeover)
{
    echo "# Take-over: kill -9 of the device server"
    echo
    machine_lines
    echo "- method: expanded image on tmpfs, fio 4k random writes at depth 1 (2,000 a second) with a log of every completion;" \
        "$kills kills at random moments; the time from kill -9 to the completion of the write that it held up, and" \
        "how long that write took; fio must see no error"
    echo "- resident memory at the end, one device: holder $(($(resident_kib "$(server_pid HolderMain)") / 1024)) MiB," \
        "device server $(($(resident_kib "$(server_pid DeviceServerMain)") / 1024)) MiB"
    echo
    python3 "$here/lib/takeover_table.py" "$memory_folder" "$kills"
} >"$memory_folder/table.md"
cp "$memory_folder/table.md" "$out"
cat "$out"
