# Sourced by the benchmarks: work folders, clean-up, the three ways to make a block device of an image.
# shellcheck shell=bash
set -euo pipefail

here=$(CDPATH= cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
top=$(dirname "$here")
tidemark=$top/tidemark

fail() { echo "$(basename "$0"): $*" >&2; exit 1; }

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null 2>&1 || fail "'$tool' is missing; see benchmarks/README.md for the packages"
    done
}

[ "$(id -u)" = 0 ] || fail "needs root: mounts, loop devices, freezing"
need python3 losetup timeout

# Build once, so that no later call does.
"$tidemark" --version >/dev/null
export TIDEMARK_NO_BUILD=1

memory_folder=$(mktemp -d /dev/shm/tidemark-bench.XXXXXX)
disk_folder=$(mktemp -d "${TMPDIR:-/var/tmp}/tidemark-bench.XXXXXX")
export TIDEMARK_RUN=$memory_folder/run TIDEMARK_STATE=$disk_folder/state
mkdir -p "$TIDEMARK_RUN" "$TIDEMARK_STATE"

undo=()
later() { undo+=("$1"); }

# Pid of the holder or device server of this run folder: $1 = HolderMain or DeviceServerMain.
server_pid() {
    local folder line
    for folder in /proc/[0-9]*; do
        line=$(tr '\0' ' ' 2>/dev/null <"$folder/cmdline") || continue
        case $line in
            *"org.tidemark.ploop.server.$1 --run=$TIDEMARK_RUN "*) basename "$folder"; return 0 ;;
        esac
    done
    return 1
}

resident_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

end_process() {
    local pid=$1 i
    kill "$pid" 2>/dev/null || return 0
    for i in $(seq 50); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
}

clean_up() {
    local status=$? i pid
    trap - EXIT
    set +e
    for ((i = ${#undo[@]} - 1; i >= 0; i--)); do
        eval "${undo[i]}" >/dev/null 2>&1
    done
    # The holder first: it would start the server again.
    for i in HolderMain DeviceServerMain HolderMain DeviceServerMain; do
        pid=$(server_pid $i) && end_process "$pid"
    done
    grep -o " $memory_folder/run/devices/[^ ]*/image " /proc/self/mounts | while read -r i; do umount -l "$i"; done
    rm -rf "$memory_folder" "$disk_folder"
    exit $status
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# tidemark_attach IMAGE NAME [options]: sets $attached to the block device.
tidemark_attach() {
    local image=$1 name=$2
    shift 2
    later "timeout 60 '$tidemark' detach '$name'"
    attached=$(timeout 60 "$tidemark" attach "$image" --name "$name" "$@" --json |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["blockDevice"])')
}

# loop_attach FILE: sets $attached.
loop_attach() {
    attached=$(losetup -f --show --direct-io=on "$1")
    later "losetup -d '$attached'"
}

# qsd_attach FILE FORMAT NAME AIO: a FUSE export of qemu-storage-daemon with a loop device over it. Sets $attached.
qsd_attach() {
    local file=$1 format=$2 name=$3 aio=$4 i
    local export_file=$memory_folder/$name.export pid_file=$memory_folder/$name.pid
    : >"$export_file"
    qemu-storage-daemon \
        --blockdev "driver=file,node-name=file-$name,filename=$file,cache.direct=on,aio=$aio" \
        --blockdev "driver=$format,node-name=node-$name,file=file-$name" \
        --export "type=fuse,id=export-$name,node-name=node-$name,mountpoint=$export_file,writable=on" \
        --daemonize --pidfile "$pid_file"
    later "end_process $(cat "$pid_file"); umount -l '$export_file'"
    for i in $(seq 100); do
        [ "$(stat -c %s "$export_file")" != 0 ] && break
        sleep 0.05
    done
    loop_attach "$export_file"
}

machine_lines() {
    echo "- machine: $(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)," \
        "$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo) memory"
    echo "- system: $(. /etc/os-release && echo "$PRETTY_NAME"), Linux $(uname -r)," \
        "$("${JAVA_HOME:+$JAVA_HOME/bin/}java" -version 2>&1 | head -n 1 | tr -d '"')"
    echo "- disk: $(findmnt -n -o FSTYPE,SOURCE -T "$disk_folder" | tr -s ' ')"
    echo "- date: $(date -u +%Y-%m-%dT%H:%MZ), revision $(git -C "$top" rev-parse --short HEAD 2>/dev/null || echo unknown)"
    echo "- load before the run (1 min, 5 min): $load_before"
}
load_before=$(cut -d' ' -f1,2 /proc/loadavg)

# Where the table goes: benchmarks/results/NAME-DATE.md, or the folder in $RESULTS.
result_file() { echo "${RESULTS:-$here/results}/$1-$(date -u +%Y-%m-%d).md"; }
