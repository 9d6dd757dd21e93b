#!/bin/bash
# Backups to S3 through the appliance, against restic to the same radosgw. See README.md.
#   benchmarks/s3.sh [--rounds 7] [--full-rounds 3] [--gib 2]
rounds=7 full_rounds=3 gib=2
while [ $# -gt 0 ]; do
    case $1 in
        --rounds) rounds=$2; shift 2 ;;
        --full-rounds) full_rounds=$2; shift 2 ;;
        --gib) gib=$2; shift 2 ;;
        *) echo "usage: $0 [--rounds N] [--full-rounds N] [--gib SIZE]" >&2; exit 2 ;;
    esac
done
. "$(dirname "$0")/lib/common.sh"
need restic ceph-mon ceph-osd radosgw curl

store=$disk_folder/radosgw
later "'$here/radosgw.sh' stop '$store'"
eval "$("$here/radosgw.sh" start "$store" 0 $((gib * (full_rounds + rounds) * 3 / 4 + 2)) | grep -E '^(endpoint|accessKey|secretKey)=')"
# shellcheck disable=SC2154
export AWS_ACCESS_KEY_ID=$accessKey AWS_SECRET_ACCESS_KEY=$secretKey AWS_DEFAULT_REGION=us-east-1
"$tidemark" serve --listen 127.0.0.1:0 --tls off >"$disk_folder/serve.log" 2>&1 &
later "kill $!"

timeout 60 "$tidemark" image create "$disk_folder/c.hdd" --size "${gib}G" --single-file --no-partition >/dev/null
tidemark_attach "$disk_folder/c.hdd" s3 --whole-disk
timeout 3000 python3 "$here/lib/s3.py" "$here/radosgw.sh" "$store" "$endpoint" "$attached" "$disk_folder" "$gib" "$full_rounds" \
    "$rounds" >"$memory_folder/rows.md"

out=$(result_file s3)
{
    echo "# Backups to S3: Tidemark and restic to the same radosgw"
    echo
    machine_lines
    echo "- store: radosgw of Ceph $(ceph-mon --version | cut -d' ' -f3), one OSD in memory, same machine; requests and bytes are" \
        "those the gateway logged, for both alike"
    echo "- method: $gib GiB disk, 1/4 random data, 1/4 text-like data, the rest never written; into the written half 2,560" \
        "random writes of 4 KiB (10 MiB), 40 random writes of 1 MiB (40 MiB), or none; $rounds interleaved rounds" \
        "($full_rounds for the full backup), medians. Tidemark: a job of a running appliance, timed from the request to the" \
        "job's end; image attached and written through its block device. restic $(restic version | cut -d' ' -f2), defaults," \
        "whole command, on a raw file with the same content. Every full backup goes to a new repository"
    echo
    cat "$memory_folder/rows.md"
} >"$memory_folder/table.md"
cp "$memory_folder/table.md" "$out"
cat "$out"
