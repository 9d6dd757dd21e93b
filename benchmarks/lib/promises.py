"""Measures for promises.sh and prints the Markdown tables."""

import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import time

MIB = 1 << 20


def p99(values):
    return sorted(values)[min(len(values) - 1, len(values) * 99 // 100)]


# ---- a journal of its own -----------------------------------------------------------------------------------------

def storm(folder, stop):
    """A neighbour that writes files, syncs and removes them: 64 MiB at a time and a few hundred small ones."""
    child = os.fork()
    if child == 0:
        block = os.urandom(MIB)
        try:
            while True:
                with open(f"{folder}/large", "wb", buffering=0) as out:
                    for _ in range(64):
                        out.write(block)
                    os.fsync(out.fileno())
                for number in range(300):
                    with open(f"{folder}/small-{number}", "wb") as out:
                        out.write(block[:2000])
                for number in range(300):
                    os.unlink(f"{folder}/small-{number}")
                os.unlink(f"{folder}/large")
        finally:
            os._exit(0)
    stop.append(child)


def syncs(folder, seconds):
    """Milliseconds of each append of 4 KiB with its fsync, one every 5 ms."""
    block = os.urandom(4096)
    taken = []
    with open(f"{folder}/journal", "wb", buffering=0) as out:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begun = time.monotonic()
            out.write(block)
            os.fsync(out.fileno())
            taken.append((time.monotonic() - begun) * 1e3)
            time.sleep(0.005)
    return taken


def journal(rounds, seconds, *ways):
    ways = [ways[i:i + 3] for i in range(0, len(ways), 3)]
    alone, beside = {w[0]: [] for w in ways}, {w[0]: [] for w in ways}
    for _ in range(rounds):
        for name, a, b in ways:
            alone[name].append(p99(syncs(b, seconds)))
            children = []
            storm(a, children)
            time.sleep(1)
            beside[name].append(p99(syncs(b, seconds)))
            os.kill(children[0], 9)
            os.waitpid(children[0], 0)
            os.sync()
    print("## No shared journal to wait for\n")
    print("A writes files of 64 MiB and hundreds of small ones, syncs, removes; B appends 4 KiB and syncs, every 5 ms. "
          f"p99 of B's write with its fsync, in ms; medians of {rounds} interleaved rounds of {seconds:g} s.\n")
    print("| A and B are | B alone | beside A | times |")
    print("|---|---|---|---|")
    for name, _, _ in ways:
        times = statistics.median(x / y for x, y in zip(beside[name], alone[name]))
        print(f"| {name} | {statistics.median(alone[name]):.2f} | {statistics.median(beside[name]):.2f} | **{times:.1f}** |")
    print(flush=True)


# ---- one copy in the page cache -----------------------------------------------------------------------------------

def cached_mib():
    fields = dict(line.split(":") for line in open("/proc/meminfo"))
    return (int(fields["Cached"].split()[0]) + int(fields["Buffers"].split()[0])) / 1024


def resident_mib(path):
    text = subprocess.run(["fincore", "--bytes", "--noheadings", "--output", "RES", path], check=True,
                          capture_output=True, text=True).stdout
    return int(text.split()[0]) / MIB


def cache(rounds, *ways):
    ways = [ways[i:i + 3] for i in range(0, len(ways), 3)]
    grown = {w[0]: [] for w in ways}
    for _ in range(rounds):
        for name, file, image in ways:
            os.sync()
            pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
            before = cached_mib()
            begun = time.monotonic()
            with open(file, "rb", buffering=0) as source:
                while source.read(MIB):
                    pass
            seconds = time.monotonic() - begun
            grown[name].append((cached_mib() - before, resident_mib(file), resident_mib(image), 1024 / seconds))
    print("## No double caching\n")
    print("1 GiB read once through the file system in the image, after the caches were dropped. "
          f"Medians of {rounds} interleaved rounds.\n")
    print("| device | page cache grew by, MiB | of it the container's file | of it the image's file | MiB/s |")
    print("|---|---|---|---|---|")
    for name, values in grown.items():
        middle = [statistics.median(column) for column in zip(*values)]
        print(f"| {name} | **{middle[0]:,.0f}** | {middle[1]:,.0f} | {middle[2]:,.0f} | {middle[3]:,.0f} |")
    print(flush=True)


# ---- one large file instead of many small ones --------------------------------------------------------------------

def make_tree(root, count, chance):
    for number in range(count):
        folder = f"{root}/{number // 4000}/{number // 200}"
        if number % 200 == 0:
            os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/{number}", "wb") as out:
            out.write(chance.randbytes(chance.randrange(200, 8000)))


def touch_some(root, count, chance):
    for number in chance.sample(range(count), 100):
        with open(f"{root}/{number // 4000}/{number // 200}/{number}", "wb") as out:
            out.write(chance.randbytes(3000))


def cold(command):
    """Seconds of one command with nothing in the caches, its own writes synced."""
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
    begun = time.monotonic()
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, timeout=1800)
    os.sync()
    return time.monotonic() - begun


def files(count, tidemark, mount, disk, image):
    disk, chance = pathlib.Path(disk), random.Random(20)
    tree = f"{mount}/tree"
    os.mkdir(tree)
    make_tree(tree, count, chance)
    os.sync()
    subprocess.run([tidemark, "target", "add", "copies", str(disk / "repository")], check=True,
                   stdout=subprocess.DEVNULL, timeout=120)
    used = int(subprocess.run(["du", "-sm", tree], check=True, capture_output=True, text=True).stdout.split()[0])
    rows = []
    backup = [tidemark, "backup", "files", "--target", "copies"]
    sync = ["rsync", "-aHAX", "--delete", f"{tree}/", f"{disk}/copy/"]
    rows.append(("first copy", "rsync of the tree", cold(sync)))
    rows.append(("first copy", "Tidemark, full backup while mounted", cold(backup)))
    rows.append(("first copy", "cp of the image", cold(["cp", "--sparse=always", image, disk / "image-copy"])))
    again = {"rsync of the tree": [], "Tidemark, increment while mounted": []}
    for _ in range(3):
        touch_some(tree, count, chance)
        again["rsync of the tree"].append(cold(sync))
        again["Tidemark, increment while mounted"].append(cold(backup))
    for who, values in again.items():
        rows.append(("100 files changed", who, statistics.median(values)))
    rows.append(("delete it", "rm -r of the tree's copy", cold(["rm", "-r", disk / "copy"])))
    rows.append(("delete it", "rm of the image's copy", cold(["rm", disk / "image-copy"])))
    print("## One large file instead of many small ones\n")
    print(f"A container with {count:,} files, {used:,} MiB of disk; caches dropped before each command, its writes synced within the "
          "time. A backup hashes and compresses what it reads; rsync and cp copy.\n")
    print("| | how | seconds |")
    print("|---|---|---|")
    for what, who, seconds in rows:
        print(f"| {what} | {who} | **{seconds:.1f}** |")
    print(flush=True)
    shutil.rmtree(tree)


if __name__ == "__main__":
    part, arguments = sys.argv[1], sys.argv[2:]
    if part == "journal":
        journal(int(arguments[0]), float(arguments[1]), *arguments[2:])
    elif part == "cache":
        cache(int(arguments[0]), *arguments[1:])
    else:
        files(int(arguments[0]), *arguments[1:])
