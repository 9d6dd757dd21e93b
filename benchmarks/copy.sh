#!/bin/bash
# Copying the file of an image that is written to over a link of 1 Gbit/s: tidemark copy, rsync twice, nbdcopy after a stop. See README.md.
#   benchmarks/copy.sh [--rounds 7] [--size 1024]
rounds=7 size_mib=1024
while [ $# -gt 0 ]; do
    case $1 in
        --rounds) rounds=$2; shift 2 ;;
        --size) size_mib=$2; shift 2 ;;
        *) echo "usage: $0 [--rounds N] [--size MIB]" >&2; exit 2 ;;
    esac
done
. "$(dirname "$0")/lib/common.sh"
need fio rsync nbdcopy qemu-nbd ip tc

name=tmcopy$$
near=10.222.$(($$ % 250)).1 far=10.222.$(($$ % 250)).2
later "ip netns pids $name 2>/dev/null | xargs -r kill -9; ip netns del $name; ip link del ${name}a 2>/dev/null"
ip netns add "$name"
ip link add "${name}a" type veth peer name "${name}b"
ip link set "${name}b" netns "$name"
ip addr add "$near/24" dev "${name}a"
ip link set "${name}a" up
ip netns exec "$name" ip addr add "$far/24" dev "${name}b"
ip netns exec "$name" ip link set "${name}b" up
tc qdisc add dev "${name}a" root tbf rate 1gbit burst 1mb latency 50ms

timeout 60 "$tidemark" image create "$memory_folder/web" --size "${size_mib}M" --no-partition >/dev/null
tidemark_attach "$memory_folder/web" web --whole-disk
out=$(result_file copy)
{
    echo "# Copying the file of an image that is written to"
    echo
    machine_lines
    echo "- method: expanded image of $size_mib MiB, half of it written, in memory; a pair of virtual interfaces with 1 Gbit/s (tbf)" \
        "between this host and another network namespace. fio writes 20 MB/s with direct I/O to a quarter of the disk: 4k at random, or 1M" \
        "one after the other. tidemark copy: checked stream, no compression. rsync twice: the file while it is written to, stop, the" \
        "file again (--inplace, a daemon at the other end). nbdcopy: stop, the file to a qemu-nbd at the other end. The writer stands" \
        "from its end until the copy is whole and durable. $rounds interleaved rounds, medians"
    echo
    python3 "$here/lib/copy.py" "$rounds" "$size_mib" "$tidemark" "$attached" "$memory_folder" "$name" "$far" "$here"
} >"$out"
echo "$out"
