#!/bin/bash
# What ploop promised its users, each with a number. See README.md.
#   benchmarks/promises.sh [--rounds 7] [--seconds 5] [--files 200000] [--only journal|cache|files|side]...
rounds=7 seconds=5 files=200000 parts=""
while [ $# -gt 0 ]; do
    case $1 in
        --rounds) rounds=$2; shift 2 ;;
        --seconds) seconds=$2; shift 2 ;;
        --files) files=$2; shift 2 ;;
        --only) parts="$parts $2"; shift 2 ;;
        *) echo "usage: $0 [--rounds N] [--seconds S] [--files N] [--only journal|cache|files|side]..." >&2; exit 2 ;;
    esac
done
chosen=$parts
[ -n "$parts" ] || parts="journal cache files side"
. "$(dirname "$0")/lib/common.sh"
need rsync fincore mkfs.ext4 mkfs.xfs mkfs.btrfs
table=$memory_folder/table.md

# mounted DEVICE FOLDER [options]
mounted() {
    local device=$1 folder=$2
    shift 2
    mkdir -p "$folder"
    mount "$@" "$device" "$folder"
    later "umount '$folder' || umount -l '$folder'"
}

# container NAME FOLDER SIZE MOUNT: an image in FOLDER with ext4 on it, attached and mounted.
container() {
    timeout 60 "$tidemark" image create "$2/$1.hdd" --size "$3" --single-file --no-partition >/dev/null
    tidemark_attach "$2/$1.hdd" "$1" --whole-disk
    mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0,nodiscard "$attached"
    mounted "$attached" "$4"
}

# Two containers with a device each; the same two as folders of one ext4 on one such device; folders of the host's own ext4.
journal() {
    local where folder
    for where in memory disk; do
        if [ $where = memory ]; then folder=$memory_folder; else folder=$disk_folder; fi
        container "$where-a" "$folder" 2G "$memory_folder/mnt/$where-a"
        container "$where-b" "$folder" 2G "$memory_folder/mnt/$where-b"
        container "$where-both" "$folder" 4G "$memory_folder/mnt/$where-both"
        mkdir "$memory_folder/mnt/$where-both/a" "$memory_folder/mnt/$where-both/b"
    done
    mkdir "$disk_folder/a" "$disk_folder/b"
    python3 "$here/lib/promises.py" journal "$rounds" "$seconds" \
        "two devices, images in memory" "$memory_folder/mnt/memory-a" "$memory_folder/mnt/memory-b" \
        "two folders of one ext4 on a device, image in memory" "$memory_folder/mnt/memory-both/a" "$memory_folder/mnt/memory-both/b" \
        "two devices, images on the disk" "$memory_folder/mnt/disk-a" "$memory_folder/mnt/disk-b" \
        "two folders of one ext4 on a device, image on the disk" "$memory_folder/mnt/disk-both/a" "$memory_folder/mnt/disk-both/b" \
        "two folders of the host's ext4" "$disk_folder/a" "$disk_folder/b"
}

# One file of 1 GiB, read through each kind of block device.
cache() {
    local way
    for way in tidemark loop loop-direct; do
        case $way in
            tidemark)
                timeout 60 "$tidemark" image create "$disk_folder/cache.hdd" --size 1280M --single-file --no-partition >/dev/null
                tidemark_attach "$disk_folder/cache.hdd" cache --whole-disk
                ;;
            loop)
                fallocate -l 1280M "$disk_folder/cache-loop.raw"
                attached=$(losetup -f --show "$disk_folder/cache-loop.raw")
                later "losetup -d '$attached'"
                ;;
            loop-direct)
                fallocate -l 1280M "$disk_folder/cache-direct.raw"
                loop_attach "$disk_folder/cache-direct.raw"
                ;;
        esac
        mkfs.ext4 -q -E nodiscard "$attached"
        mounted "$attached" "$memory_folder/mnt/$way"
        dd if=/dev/urandom of="$memory_folder/mnt/$way/file" bs=1M count=1024 conv=fsync status=none
    done
    python3 "$here/lib/promises.py" cache 3 \
        "Tidemark" "$memory_folder/mnt/tidemark/file" "$disk_folder/cache.hdd" \
        "loop, as mount -o loop makes it" "$memory_folder/mnt/loop/file" "$disk_folder/cache-loop.raw" \
        "loop with direct I/O" "$memory_folder/mnt/loop-direct/file" "$disk_folder/cache-direct.raw"
}

# A container of many small files: to copy it as files, or as one large one.
files() {
    local appliance
    container files "$disk_folder" 4G "$memory_folder/mnt/files"
    "$tidemark" serve --listen 127.0.0.1:0 --tls off >"$disk_folder/serve.log" 2>&1 &
    appliance=$!
    later "kill $appliance"
    for _ in $(seq 300); do [ -f "$TIDEMARK_STATE/local-access.json" ] && break; sleep 0.1; done
    timeout 60 "$tidemark" container add files --mount "$memory_folder/mnt/files" >/dev/null
    timeout 3000 python3 "$here/lib/promises.py" files "$files" "$tidemark" "$memory_folder/mnt/files" "$disk_folder" "$disk_folder/files.hdd"
}

# Kinds of file systems and inode counts at the same time, in one device server.
side() {
    local row name make
    echo "## Own file system and inode count for each container"
    echo
    echo "Mounted at the same time, served by one device server; each was written, synced, unmounted, mounted again and compared."
    echo
    echo "| file system | disk | inodes | compared | check |"
    echo "|---|---|---|---|---|"
    for row in "ext4|mkfs.ext4 -q -N 4096" "ext4|mkfs.ext4 -q -N 2000000 -I 128" "xfs|mkfs.xfs -q" "btrfs|mkfs.btrfs -q"; do
        name=side$((count = ${count:-0} + 1))
        make=${row#*|}
        timeout 60 "$tidemark" image create "$disk_folder/$name.hdd" --size 1G --single-file --no-partition >/dev/null
        tidemark_attach "$disk_folder/$name.hdd" $name --whole-disk
        $make "$attached" >/dev/null 2>&1
        mounted "$attached" "$memory_folder/mnt/$name"
        eval "side_device_$count=\$attached side_make_$count=\$make"
        head -c 64M /dev/urandom >"$memory_folder/mnt/$name/data"
        sync -f "$memory_folder/mnt/$name/data"
        sha256sum <"$memory_folder/mnt/$name/data" >"$memory_folder/$name.sum"
    done
    for i in $(seq "$count"); do
        local device make inodes same check="clean"
        eval "device=\$side_device_$i make=\$side_make_$i"
        inodes=$(df --output=itotal "$memory_folder/mnt/side$i" | tail -n 1 | tr -d ' ')
        umount "$memory_folder/mnt/side$i"
        case $make in
            mkfs.ext4*) e2fsck -fn "$device" >/dev/null 2>&1 || check="NOT CLEAN" ;;
            mkfs.xfs*) xfs_repair -n "$device" >/dev/null 2>&1 || check="NOT CLEAN" ;;
            mkfs.btrfs*) btrfs check --readonly "$device" >/dev/null 2>&1 || check="NOT CLEAN" ;;
        esac
        mount "$device" "$memory_folder/mnt/side$i"
        same="equal"
        [ "$(sha256sum <"$memory_folder/mnt/side$i/data")" = "$(cat "$memory_folder/side$i.sum")" ] || same="DIFFERENT"
        [ "$inodes" != 0 ] || inodes="as needed"
        echo "| \`$make\` | 1 GiB | $inodes | $same | $check |"
    done
    echo
}

name=promises
[ -z "$chosen" ] || name=promises$(echo "$chosen" | tr " " -)
{
    echo "# What ploop promised, measured"
    echo
    machine_lines
    echo
    for part in $parts; do
        case $part in
            journal | cache | files | side) $part ;;
            *) fail "no part '$part'" ;;
        esac
    done
} >"$table"
out=$(result_file "$name")
cp "$table" "$out"
cat "$out"
