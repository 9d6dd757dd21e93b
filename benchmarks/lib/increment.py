"""Drives increment.sh: writes the same changes to every rival, measures each backup, prints Markdown rows."""

import json
import os
import pathlib
import random
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import time

tidemark, device, disk, memory = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])
gib, full_rounds, rounds, appliance = (int(word) for word in sys.argv[5:9])
SIZE = gib << 30
QUARTER = SIZE // 4
MIB = 1 << 20
chance = random.Random(20)
os.environ["RESTIC_PASSWORD"] = "bench"
os.environ["RESTIC_CACHE_DIR"] = str(disk / "restic-cache")
raw, qcow = disk / "restic-source" / "disk.raw", disk / "disk.qcow2"
results = {}


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=600)


def measured(command):
    """Seconds and peak resident MiB of one process."""
    begun = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - begun
    if child.returncode != 0:
        raise SystemExit(f"failed: {command}")
    return seconds, usage.ru_maxrss / 1024


def stored(folder):
    sizes = [path.stat().st_size for path in pathlib.Path(folder).rglob("*") if path.is_file()]
    return sum(sizes), len(sizes)


def record(what, who, seconds, before, after, peak):
    results.setdefault((what, who), []).append(
        (seconds, (after[0] - before[0]) / MIB, after[1] - before[1], peak))
    print(f"{what} {who}: {seconds:.2f} s, {(after[0] - before[0]) / MIB:.1f} MiB", file=sys.stderr)


# ---- the disk's first content -------------------------------------------------------------------------------------

def text_block():
    words = ["".join(chance.choices("etaoinshrdlucmfwypvbgk", k=chance.randint(2, 10))) for _ in range(4000)]
    return (" ".join(chance.choices(words, k=200_000)) + "\n").encode()[:MIB]


def first_content():
    texts = [text_block() for _ in range(16)]
    raw.parent.mkdir()
    with open(raw, "wb") as source:
        source.truncate(SIZE)
        for _ in range(QUARTER // MIB):
            source.write(os.urandom(MIB))
        for _ in range(QUARTER // MIB):
            text = bytearray(chance.choice(texts))
            for _ in range(256):
                at = chance.randrange(MIB - 16)
                text[at:at + 16] = b"%016x" % chance.getrandbits(64)
            source.write(text)
    run("dd", f"if={raw}", f"of={device}", "bs=1M", f"count={2 * QUARTER // MIB}", "oflag=direct", "conv=fdatasync", "status=none")
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, qcow)
    run("qemu-img", "bitmap", "--add", "-g", "65536", qcow, "b0")


# ---- the same change everywhere -----------------------------------------------------------------------------------

def changes(kind):
    if kind == "none":
        return []
    length, count = (4096, 2560) if kind == "scattered" else (MIB, 40)
    return [(chance.randrange(2 * QUARTER // length) * length, os.urandom(length)) for _ in range(count)]


def write_to(path, writes):
    with open(path, "r+b", buffering=0) as out:
        for offset, data in writes:
            os.pwrite(out.fileno(), data, offset)
        os.fsync(out.fileno())


def write_qcow(writes):
    run("qemu-img", "bitmap", "--clear", qcow, "b0")
    text = "".join(f"write -q -P {chance.randrange(1, 255)} {offset} {len(data)}\n" for offset, data in writes)
    subprocess.run(["qemu-io", "-f", "qcow2", str(qcow)], input=text + "flush\nquit\n", text=True, check=True,
                   stdout=subprocess.DEVNULL, timeout=600)


# ---- the rivals ---------------------------------------------------------------------------------------------------

def appliance_peak():
    """Resident MiB at the most so far, of the process that backs up."""
    return next(int(line.split()[1]) for line in open(f"/proc/{appliance}/status") if line.startswith("VmHWM")) / 1024


class Warm:
    """A client that lives through all backups of the appliance."""

    def __init__(self):
        self.child = subprocess.Popen([tidemark, "bench-backup", "ct", "--json"], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)

    def backup(self, what, target):
        before = stored(disk / target)
        self.child.stdin.write(target + "\n")
        self.child.stdin.flush()
        row = json.loads(self.child.stdout.readline())
        record(what, "Tidemark, warm", row["wholeSeconds"], before, stored(disk / target), appliance_peak())

    def end(self):
        self.child.stdin.close()
        self.child.wait(60)


def cold(what, target):
    before = stored(disk / target)
    seconds, _ = measured([tidemark, "backup", "ct", "--target", target, "--json"])
    record(what, "Tidemark, cold CLI", seconds, before, stored(disk / target), appliance_peak())


def restic(what, repository):
    before = stored(repository)
    seconds, peak = measured(["restic", "-r", str(repository), "backup", "--quiet", str(raw)])
    record(what, "restic", seconds, before, stored(repository), peak)


class Nbd:
    """Enough of the protocol to read ranges, 16 at a time."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.take(18)
        self.socket.sendall(struct.pack(">I", 3))
        self.socket.sendall(struct.pack(">8sII", b"IHAVEOPT", 1, 0))
        self.take(10)

    def take(self, length):
        data = bytearray(length)
        view, done = memoryview(data), 0
        while done < length:
            n = self.socket.recv_into(view[done:])
            if n == 0:
                raise SystemExit("nbd: connection ended")
            done += n
        return data

    def copy(self, ranges, out):
        sent = 0
        for received in range(len(ranges)):
            while sent < len(ranges) and sent - received < 16:
                offset, length = ranges[sent]
                self.socket.sendall(struct.pack(">IHHQQI", 0x25609513, 0, 0, sent, offset, length))
                sent += 1
            _, error, cookie = struct.unpack(">IIQ", self.take(16))
            if error:
                raise SystemExit(f"nbd: error {error}")
            out.write(self.take(ranges[cookie][1]))


def floor(what):
    where = memory / "nbd.sock"
    server = subprocess.Popen(["qemu-nbd", "-r", "-t", "-f", "qcow2", "-B", "b0", "--cache=writeback", "-k", str(where), str(qcow)])
    while not where.exists():
        time.sleep(0.01)
    delta = disk / "floor" / f"{len(list((disk / 'floor').iterdir()))}.delta"
    before, begun = stored(disk / "floor"), time.monotonic()
    answer = subprocess.run(["nbdinfo", "--map=qemu:dirty-bitmap:b0", "--json", f"nbd+unix:///?socket={where}"],
                            check=True, capture_output=True, text=True, timeout=60).stdout
    ranges = []
    for extent in json.loads(answer):
        if extent["type"] & 1:
            for at in range(extent["offset"], extent["offset"] + extent["length"], MIB):
                ranges.append((at, min(MIB, extent["offset"] + extent["length"] - at)))
    if ranges:
        with open(delta, "wb") as out:
            Nbd(where).copy(ranges, out)
            out.flush()
            os.fdatasync(out.fileno())
    seconds = time.monotonic() - begun
    peak = next(int(line.split()[1]) for line in open(f"/proc/{server.pid}/status") if line.startswith("VmHWM"))
    server.terminate()
    server.wait(30)
    where.unlink(missing_ok=True)
    record(what, "floor: qemu bitmap", seconds, before, stored(disk / "floor"), peak / 1024)


# ---- rounds -------------------------------------------------------------------------------------------------------

first_content()
(disk / "floor").mkdir()
warm = Warm()
for turn in range(full_rounds):
    if turn:
        shutil.rmtree(disk / "restic")
        shutil.rmtree(disk / "restic-cache", ignore_errors=True)
    for name in (f"warm{turn}", f"cold{turn}"):
        (disk / name).mkdir()
        run(tidemark, "target", "add", name, disk / name)
    run("restic", "-r", disk / "restic", "init", "--quiet")
    warm.backup("full", f"warm{turn}")
    cold("full", f"cold{turn}")
    restic("full", disk / "restic")
target = f"warm{full_rounds - 1}"
for turn in range(rounds):
    for kind in ("scattered", "forty", "none"):
        for way in ("warm", "cold"):
            writes = changes(kind)
            write_to(device, writes)
            if way == "warm":
                write_qcow(writes)
                warm.backup(kind, target)
                floor(kind)
            else:
                # One set of changes for each rival, so restic's file does not get the other set.
                write_to(raw, writes)
                cold(kind, target)
                restic(kind, disk / "restic")
warm.end()

# ---- what was stored is what was there ----------------------------------------------------------------------------

seconds, _ = measured([tidemark, "restore", "ct", "--target", target, "--to", str(disk / "restored.raw"), "--format", "raw", "--json"])
run("cmp", disk / "restored.raw", device)
record("restore", "Tidemark, cold CLI", seconds, (0, 0), (0, 0), 0)
os.unlink(disk / "restored.raw")
seconds, _ = measured(["restic", "-r", str(disk / "restic"), "restore", "latest", "--target", str(disk / "again"), "--quiet"])
run("cmp", str(disk / "again") + str(raw), raw)
record("restore", "restic", seconds, (0, 0), (0, 0), 0)

TITLES = {
    "full": "Full backup",
    "scattered": "2,560 random writes of 4 KiB",
    "forty": "40 random writes of 1 MiB",
    "none": "No change",
}
for what, title in TITLES.items():
    print(f"## {title}\n")
    print("| | seconds (best to worst) | MiB stored | objects | peak memory MiB | rounds |")
    print("|---|---|---|---|---|---|")
    for (kind, who), rows in results.items():
        if kind == what:
            times = sorted(row[0] for row in rows)
            print(f"| {who} | **{statistics.median(times):.2f}** ({times[0]:.2f} to {times[-1]:.2f}) "
                  f"| {statistics.median(row[1] for row in rows):.1f} | {statistics.median(row[2] for row in rows):.0f} "
                  f"| {statistics.median(row[3] for row in rows):.0f} | {len(rows)} |")
    print()
print("## Restore of the last point, once\n")
for (kind, who), rows in results.items():
    if kind == "restore":
        print(f"- {who}: {rows[0][0]:.1f} s, equal to the source by cmp")
print("\nPeak memory: of the process (Tidemark: of the appliance so far; the floor: of qemu-nbd).")
