"""Turns the fio outputs of device.sh (PART.JOB.WAY.ROUND.json) into Markdown tables of medians and ratios."""

import collections
import json
import pathlib
import statistics
import sys

WAYS = ["tidemark", "qsd", "loop"]
JOBS = {
    "rr1": "4k random read, depth 1",
    "rr16": "4k random read, depth 16",
    "rw1": "4k random write, depth 1",
    "rw16": "4k random write, depth 16",
    "sr": "1M sequential read, depth 4",
    "sw": "1M sequential write, depth 4",
    "fs": "4k random write, depth 1, fdatasync each",
    "new4k": "4k write into a new cluster, depth 16",
    "new1M": "1M sequential write to an empty disk, depth 4",
}
PARTS = {
    "tmpfs": "On tmpfs, disk written before",
    "fresh": "On tmpfs, empty disk: every cluster is allocated by the job",
    "disk": "On the disk, disk written before",
}


def load(folder):
    found = collections.defaultdict(dict)
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        part, job, way, turn = path.name.split(".")[:4]
        report = json.loads(path.read_text())["jobs"][0]
        side = report["read"] if report["read"]["total_ios"] else report["write"]
        found[part, job].setdefault(way, []).append(
            (side["iops"], side["bw_bytes"] / 1e6, side["clat_ns"]["percentile"]["50.000000"] / 1e3,
             side["clat_ns"]["percentile"]["99.000000"] / 1e3)
        )
    return found


def main(folder):
    found = load(folder)
    for part, title in PARTS.items():
        jobs = [job for (p, job) in found if p == part]
        if not jobs:
            continue
        print(f"## {title}\n")
        print("| job | unit | Tidemark (worst to best) | qemu-storage-daemon | plain loop | Tidemark / qsd | Tidemark / loop "
              "| p50, p99 in us: Tidemark | qsd | loop |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for job in [j for j in JOBS if j in jobs]:
            ways = found[part, job]
            column = 1 if "1M" in JOBS[job] else 0
            median = {w: statistics.median(r[column] for r in ways[w]) for w in WAYS}
            # The ratio of two that ran one after the other, round by round: slow drift of the machine cancels out.
            ratio = {
                w: statistics.median(a[column] / b[column] for a, b in zip(ways["tidemark"], ways[w])) for w in WAYS[1:]
            }
            spread = sorted(r[column] for r in ways["tidemark"])
            latency = {
                w: f"{statistics.median(r[2] for r in ways[w]):.0f}, {statistics.median(r[3] for r in ways[w]):.0f}"
                for w in WAYS
            }
            print(f"| {JOBS[job]} | {'MB/s' if column else 'IOPS'} | **{median['tidemark']:,.0f}** "
                  f"({spread[0]:,.0f} to {spread[-1]:,.0f}) | {median['qsd']:,.0f} | {median['loop']:,.0f} "
                  f"| **{ratio['qsd']:.2f}** | {ratio['loop']:.2f} | {latency['tidemark']} | {latency['qsd']} | {latency['loop']} |")
        print()


main(sys.argv[1])
