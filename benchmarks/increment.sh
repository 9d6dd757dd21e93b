#!/bin/bash
# The increment test through the whole product, against restic and the floor of a qemu dirty bitmap. See README.md.
#   benchmarks/increment.sh [--rounds 7] [--full-rounds 3] [--gib 4]
rounds=7 full_rounds=3 gib=4
while [ $# -gt 0 ]; do
    case $1 in
        --rounds) rounds=$2; shift 2 ;;
        --full-rounds) full_rounds=$2; shift 2 ;;
        --gib) gib=$2; shift 2 ;;
        *) echo "usage: $0 [--rounds N] [--full-rounds N] [--gib SIZE]" >&2; exit 2 ;;
    esac
done
. "$(dirname "$0")/lib/common.sh"
need restic qemu-nbd qemu-img qemu-io nbdinfo cmp

timeout 60 "$tidemark" image create "$disk_folder/c.hdd" --size "${gib}G" --single-file --no-partition >/dev/null
tidemark_attach "$disk_folder/c.hdd" increment --whole-disk
device=$attached
"$tidemark" serve --listen 127.0.0.1:0 --tls off >"$disk_folder/serve.log" 2>&1 &
appliance=$!
later "kill $appliance"
for _ in $(seq 300); do [ -f "$TIDEMARK_STATE/local-access.json" ] && break; sleep 0.1; done
timeout 60 "$tidemark" container add ct --image "$disk_folder/c.hdd" >/dev/null

timeout 3000 python3 "$here/lib/increment.py" "$tidemark" "$device" "$disk_folder" "$memory_folder" \
    "$gib" "$full_rounds" "$rounds" "$appliance" >"$memory_folder/rows.md"

out=$(result_file increment)
{
    echo "# Increments: Tidemark, restic, the qemu bitmap floor"
    echo
    machine_lines
    echo "- memory of the data plane at the end: holder $(($(resident_kib "$(server_pid HolderMain)") / 1024)) MiB," \
        "device server $(($(resident_kib "$(server_pid DeviceServerMain)") / 1024)) MiB resident"
    echo "- method: $gib GiB disk, 1/4 random data, 1/4 text-like data, the rest never written; into the written half 2,560" \
        "random writes of 4 KiB (10 MiB), 40 random writes of 1 MiB (40 MiB), or none; target is a local folder on the same" \
        "disk; $rounds interleaved rounds ($full_rounds for the full backup), medians. Tidemark: attached expanded image," \
        "written through its block device, backed up by a running appliance; 'warm' a client that is there already, 'cold' one" \
        "command a backup (Java's start included). restic $(restic version | cut -d' ' -f2), defaults, on a raw file with the same content. Floor: qcow2" \
        "with a persistent dirty bitmap of 64 KiB, bitmap query and raw copy of the dirty extents into one file over NBD" \
        "with one fdatasync: it neither hashes nor compresses nor encrypts, and its copy alone cannot be restored"
    echo
    cat "$memory_folder/rows.md"
} >"$memory_folder/table.md"
cp "$memory_folder/table.md" "$out"
cat "$out"
