#!/bin/bash
# The block device against its peers: Tidemark, qemu-storage-daemon, a plain loop device. See README.md.
#   benchmarks/device.sh [--rounds 7] [--seconds 2] [--size 1024] [--only tmpfs|fresh|disk]...
rounds=7 seconds=2 size_mib=1024 parts=""
while [ $# -gt 0 ]; do
    case $1 in
        --rounds) rounds=$2; shift 2 ;;
        --seconds) seconds=$2; shift 2 ;;
        --size) size_mib=$2; shift 2 ;;
        --only) parts="$parts $2"; shift 2 ;;
        *) echo "usage: $0 [--rounds N] [--seconds S] [--size MIB] [--only tmpfs|fresh|disk]..." >&2; exit 2 ;;
    esac
done
chosen=$parts
[ -n "$parts" ] || parts="tmpfs fresh disk"
. "$(dirname "$0")/lib/common.sh"
need fio qemu-storage-daemon qemu-img

log=$memory_folder/fio
mkdir "$log"

# fio_job DEVICE JOB OUTPUT
fio_job() {
    local device=$1 job=$2 output=$3 options
    case $job in
        rr1) options="--rw=randread --bs=4k --iodepth=1" ;;
        rr16) options="--rw=randread --bs=4k --iodepth=16" ;;
        rw1) options="--rw=randwrite --bs=4k --iodepth=1" ;;
        rw16) options="--rw=randwrite --bs=4k --iodepth=16" ;;
        sr) options="--rw=read --bs=1M --iodepth=4" ;;
        sw) options="--rw=write --bs=1M --iodepth=4" ;;
        fs) options="--rw=randwrite --bs=4k --iodepth=1 --fdatasync=1" ;;
        # One write for each cluster of an empty disk: every one of them allocates.
        new4k) options="--rw=randwrite --bs=4k --blockalign=1M --iodepth=16 --norandommap=0" ;;
        new1M) options="--rw=write --bs=1M --iodepth=4" ;;
    esac
    case $job in
        new4k) options="$options --io_size=$((size_mib * 4))k" ;;
        new1M) options="$options --io_size=${size_mib}m --end_fsync=0" ;;
        *) options="$options --time_based --runtime=$seconds --ramp_time=0.2" ;;
    esac
    # shellcheck disable=SC2086
    timeout 120 fio --name=job --filename="$device" --direct=1 --ioengine=libaio $options \
        --randrepeat=0 --norandommap --refill_buffers=0 --output-format=json --output="$output" >/dev/null
}

fill() {
    timeout 300 fio --name=fill --filename="$1" --direct=1 --ioengine=libaio --rw=write --bs=1M --iodepth=4 \
        --output=/dev/null
}

# Brings JIT and caches where a device that has been up for a minute has them.
warm_up() {
    local job
    for job in rr16 rw16 sr sw; do
        fio_job "$1" $job /dev/null
    done
}

# make FOLDER TAG: the three images, not attached.
make_images() {
    timeout 60 "$tidemark" image create "$1/$2-tidemark.hdd" --size "${size_mib}M" --single-file --no-partition >/dev/null
    qemu-img create -q -f parallels "$1/$2-qsd.hdd" "${size_mib}M"
    truncate -s "${size_mib}M" "$1/$2-loop.raw"
}

# The sizes of qemu's threads and rings do not differ much here; io_uring is its best engine on tmpfs, native on a disk.
measure_filled() {
    local part=$1 folder=$2 aio=$3 jobs=$4 round job way
    declare -A device
    make_images "$folder" "$part"
    tidemark_attach "$folder/$part-tidemark.hdd" "$part" --whole-disk
    device[tidemark]=$attached
    qsd_attach "$folder/$part-qsd.hdd" parallels "$part" "$aio"
    device[qsd]=$attached
    loop_attach "$folder/$part-loop.raw"
    device[loop]=$attached
    for way in tidemark qsd loop; do
        fill "${device[$way]}"
        warm_up "${device[$way]}"
    done
    for round in $(seq "$rounds"); do
        for job in $jobs; do
            for way in tidemark qsd loop; do
                fio_job "${device[$way]}" "$job" "$log/$part.$job.$way.$round.json"
            done
        done
    done
    if [ "$part" = tmpfs ]; then
        memory="holder $(($(resident_kib "$(server_pid HolderMain)") / 1024)) MiB, device server $(($(resident_kib "$(server_pid DeviceServerMain)") / 1024)) MiB, qemu-storage-daemon $(($(resident_kib "$(cat "$memory_folder/$part.pid")") / 1024)) MiB"
    fi
}

# Images are new in each round, processes are not cold: the device server has served others before.
measure_fresh() {
    local folder=$1 round job way depth
    for round in $(seq "$rounds"); do
        for job in new4k new1M; do
            depth=${#undo[@]}
            make_images "$folder" fresh
            for way in tidemark qsd loop; do
                case $way in
                    tidemark) tidemark_attach "$folder/fresh-tidemark.hdd" fresh --whole-disk ;;
                    qsd) qsd_attach "$folder/fresh-qsd.hdd" parallels fresh io_uring ;;
                    loop) loop_attach "$folder/fresh-loop.raw" ;;
                esac
                fio_job "$attached" $job "$log/fresh.$job.$way.$round.json"
            done
            while [ ${#undo[@]} -gt "$depth" ]; do
                eval "${undo[-1]}" >/dev/null 2>&1 || true
                unset 'undo[-1]'
            done
            rm -rf "$folder"/fresh-*
        done
    done
}

memory=""
for part in $parts; do
    case $part in
        tmpfs) measure_filled tmpfs "$memory_folder" io_uring "rr1 rr16 rw1 rw16 sr sw" ;;
        fresh) measure_fresh "$memory_folder" ;;
        disk) measure_filled disk "$disk_folder" native "rr1 rr16 rw1 rw16 sr sw fs" ;;
        *) fail "no part '$part'" ;;
    esac
done

name=device
[ -z "$chosen" ] || name=device$(echo "$chosen" | tr " " -)
out=$(result_file "$name")
{
    echo "# Device: Tidemark, qemu-storage-daemon, plain loop"
    echo
    machine_lines
    echo "- method: expanded image with 1 MiB clusters, ${size_mib} MiB, change tracker on, FUSE + loop with direct I/O;" \
        "qemu-storage-daemon $(qemu-storage-daemon --version | head -n 1 | grep -o '[0-9.]*' | head -n 1) with a FUSE export" \
        "of a parallels image of the same size (cache.direct=on; aio io_uring on tmpfs, native on the disk) + loop with" \
        "direct I/O; plain loop with direct I/O over a raw file. fio $(fio --version), libaio, direct=1, $seconds s a job," \
        "$rounds interleaved rounds (A B C, A B C, ...), medians"
    [ -z "$memory" ] || echo "- resident memory after the tmpfs part: $memory"
    echo
    python3 "$here/lib/device_table.py" "$log"
} >"$memory_folder/table.md"
cp "$memory_folder/table.md" "$out"
cat "$out"
