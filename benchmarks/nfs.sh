#!/bin/bash
# Backups to and restores from an NFS server, spoken to directly, against a folder on the same disk, and restic on a folder. See
# README.md.
#   benchmarks/nfs.sh [--rounds 7] [--full-rounds 3] [--gib 2]
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
need restic ganesha.nfsd rpcbind ip

store=$disk_folder/nfs
later "'$here/nfs-server.sh' stop '$store'"
eval "$("$here/nfs-server.sh" start "$store")"
"$tidemark" serve --listen 127.0.0.1:0 --tls off >"$disk_folder/serve.log" 2>&1 &
later "kill $!"

timeout 60 "$tidemark" image create "$disk_folder/c.hdd" --size "${gib}G" --single-file --no-partition >/dev/null
tidemark_attach "$disk_folder/c.hdd" nfs --whole-disk
# shellcheck disable=SC2154
timeout 3000 python3 "$here/lib/nfs.py" "$server" "$export" "$attached" "$disk_folder" "$gib" "$full_rounds" "$rounds" \
    >"$memory_folder/rows.md"

out=$(result_file nfs)
{
    echo "# Backups to NFS: Tidemark directly, Tidemark to a folder, restic to a folder"
    echo
    machine_lines
    echo "- server: nfs-ganesha $(ganesha.nfsd -v | head -n 1 | grep -o '[0-9.]*$'), NFS version 3, VFS, on the same machine and" \
        "disk, over a pair of virtual interfaces. The folders lie on that disk, too. restic has no NFS of its own, and this" \
        "kernel has no NFS client: its folder stands for a mount that costs nothing"
    echo "- method: $gib GiB disk, 1/4 random data, 1/4 text-like data, the rest never written; into the written half 2,560" \
        "random writes of 4 KiB (10 MiB), 40 random writes of 1 MiB (40 MiB), or none; $rounds interleaved rounds" \
        "($full_rounds for the full backup and the restore), medians. Tidemark: a job of a running appliance, timed from the request" \
        "to the job's end. restic $(restic version | cut -d' ' -f2), defaults, whole command, on a raw file with the same content." \
        "Every full backup goes to a new repository. Requests: RPC calls of NFS, counted by a relay in a run of their own"
    echo
    cat "$memory_folder/rows.md"
} >"$memory_folder/table.md"
cp "$memory_folder/table.md" "$out"
cat "$out"
