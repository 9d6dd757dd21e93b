"""Runs the jobs of isolation.sh in turns and writes their Markdown tables."""

import json
import statistics
import subprocess
import sys
import time


def fio(device, seconds, *options):
    command = ["fio", "--name=job", f"--filename={device}", "--direct=1", "--ioengine=libaio", "--time_based",
               f"--runtime={seconds}", "--norandommap", "--output-format=json", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def result(process):
    text, _ = process.communicate(timeout=120)
    if process.returncode != 0:
        raise SystemExit("fio failed")
    return json.loads(text)["jobs"][0]


def iops(device, seconds, kind):
    job = result(fio(device, seconds, f"--rw={kind}", "--bs=4k", "--iodepth=16"))
    return job["read"]["iops"] + job["write"]["iops"]


def fsync_p99_millis(device, seconds):
    job = result(fio(device, seconds, "--rw=randwrite", "--bs=4k", "--iodepth=1", "--fsync=1"))
    return job["sync"]["lat_ns"]["percentile"]["99.000000"] / 1e6


def beside(load, measure):
    """What is measured while the load runs, and the MiB/s of the load."""
    time.sleep(0.5)
    value = measure()
    load.terminate()
    text, _ = load.communicate(timeout=60)
    job = json.loads(text[text.index(b"{"):])["jobs"][0]
    return value, (job["read"]["bw"] + job["write"]["bw"]) / 1024


def slow_image(rounds, seconds, slow, quick):
    print("## One image takes 20 ms for each I/O\n")
    print("The slow device is read and written at depth 32 (4k); the other one lies on tmpfs (4k, depth 16).\n")
    print("| the other device | alone, IOPS | beside the slow one, IOPS | kept |")
    print("|---|---|---|---|")
    rows = {"randread": [], "randwrite": []}
    slow_iops = []
    for _ in range(rounds):
        for kind, values in rows.items():
            alone = iops(quick, seconds, kind)
            load = fio(slow, seconds * 4, "--rw=randrw", "--bs=4k", "--iodepth=32")
            values.append((alone, beside(load, lambda: iops(quick, seconds, kind))[0]))
        slow_iops.append(iops(slow, seconds, "randread"))
    for kind, values in rows.items():
        kept = statistics.median(with_slow / alone for alone, with_slow in values)
        print(f"| {kind} | {statistics.median(v[0] for v in values):,.0f} | {statistics.median(v[1] for v in values):,.0f} "
              f"| **{kept:.0%}** |")
    print(f"\nThe slow device itself, alone at depth 16: {statistics.median(slow_iops):,.0f} IOPS.\n", flush=True)


LIMITED = "Tidemark, A held to 100 MiB/s"


def hold(name):
    """Gives device a of Tidemark the limit of this row, or none."""
    limit = "100M" if name == LIMITED else "0"
    subprocess.run([sys.argv[9], "devices", "set", "a", "--bandwidth", limit], check=True, timeout=60,
                   stdout=subprocess.DEVNULL)


def writer(device, seconds):
    return fio(device, seconds * 4, "--rw=write", "--bs=1M", "--iodepth=32")


def storm(rounds, seconds, pairs):
    print("## A writes 1M at depth 32, B writes 4k and syncs each, on one disk\n")
    print("| | B's fsync p99 alone, ms | beside the storm, ms | times | A's MiB/s alone | beside B |")
    print("|---|---|---|---|---|---|")
    rows = {name: [] for name, _, _ in pairs}
    for _ in range(rounds):
        for name, a, b in pairs:
            hold(name)
            alone = fsync_p99_millis(b, seconds)
            _, free = beside(writer(a, seconds), lambda: time.sleep(seconds))
            with_storm, held = beside(writer(a, seconds), lambda: fsync_p99_millis(b, seconds))
            rows[name].append((alone, with_storm, free, held))
    for name, values in rows.items():
        times = statistics.median(v[1] / v[0] for v in values)
        middle = [statistics.median(column) for column in zip(*values)]
        print(f"| {name} | {middle[0]:.2f} | {middle[1]:.2f} | **{times:.1f}** | {middle[2]:,.0f} | {middle[3]:,.0f} |")
    print("\nPlain loop devices show what the disk itself shares unfairly: no device over it can do better than wait its turn.")


def main(rounds, seconds, slow, quick, a, b, a_loop, b_loop):
    slow_image(rounds, seconds, slow, quick)
    storm(rounds, seconds, [("Tidemark", a, b), (LIMITED, a, b), ("plain loop", a_loop, b_loop)])


main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:9])
