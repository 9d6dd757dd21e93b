#!/bin/bash
# How long a container's file system stands still at the instant of a backup, idle and under a writer. See README.md.
#   benchmarks/freeze.sh [--samples 200] [--rate 100] [--fs ext4]
samples=200 rate=100 fs=ext4
while [ $# -gt 0 ]; do
    case $1 in
        --samples) samples=$2; shift 2 ;;
        --rate) rate=$2; shift 2 ;;
        --fs) fs=$2; shift 2 ;;
        *) echo "usage: $0 [--samples N] [--rate MB/S] [--fs ext4|xfs|btrfs]" >&2; exit 2 ;;
    esac
done
. "$(dirname "$0")/lib/common.sh"
need fio "mkfs.$fs"

timeout 120 "$tidemark" image create "$disk_folder/c.hdd" --size 4G --fs "$fs" >/dev/null
mkdir "$disk_folder/mnt"
later "umount '$disk_folder/mnt'"
tidemark_attach "$disk_folder/c.hdd" freeze --mount "$disk_folder/mnt"

# The writer's file is complete before it counts: it overwrites, as a database or a log of fixed size does.
fio --name=lay --filename="$disk_folder/mnt/load" --rw=write --bs=1M --size=1G --end_fsync=1 --output=/dev/null
for round in 1 2; do
    timeout 900 "$tidemark" bench-freeze freeze --samples $(((samples + 1) / 2)) --json >"$memory_folder/idle.$round.json"

    fio --name=load --filename="$disk_folder/mnt/load" --rw=write --bs=1M --size=1G --rate="${rate}M" \
        --time_based --runtime=1800 --output-format=json --output="$memory_folder/load.$round.json" &
    load=$!
    later "kill $load"
    sleep 3
    timeout 900 "$tidemark" bench-freeze freeze --samples $(((samples + 1) / 2)) --json >"$memory_folder/writer.$round.json"
    kill -INT "$load"
    wait "$load" || true
done

out=$(result_file freeze)
{
    echo "# Freeze: from entering FIFREEZE to the return of the thaw"
    echo
    machine_lines
    echo "- method: $fs on a 4 GiB expanded image on the disk, FUSE + loop; one warm process takes instants as a backup does" \
        "(syncfs until short, watchdog, FIFREEZE, view of the device, thaw), 100 ms apart, nothing is read;" \
        "idle and under one buffered fio writer of 1 MiB at $rate MiB/s that overwrites a file of 1 GiB; two turns of each"
    echo
    python3 "$here/lib/freeze_table.py" "$memory_folder"
} >"$memory_folder/table.md"
cp "$memory_folder/table.md" "$out"
cat "$out"
