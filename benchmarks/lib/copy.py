"""Drives copy.sh: one writer at a time, the rivals in turns; prints Markdown rows."""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

rounds, size_mib = int(sys.argv[1]), int(sys.argv[2])
tidemark, device = sys.argv[3], sys.argv[4]
folder = pathlib.Path(sys.argv[5])
namespace, far, here = sys.argv[6:9]
FILE = folder / "web" / "root.hds"
COPY = folder / "copy.hds"
INSIDE = ["ip", "netns", "exec", namespace]
RELAY = f"python3 {here}/lib/relay.py connect {far}"
PORTS = {"tidemark": 7001, "rsync": 7002, "nbd": 7003}


def run(*command, **more):
    return subprocess.run(command, check=True, timeout=600, stdout=subprocess.PIPE, **more).stdout


def writer(kind):
    how = ["--rw=randwrite", "--bs=4k"] if kind == "random 4k" else ["--rw=write", "--bs=1m"]
    return subprocess.Popen(
        ["fio", "--name=w", f"--filename={device}", f"--size={size_mib // 4}m", "--direct=1", "--rate=20m", "--time_based",
         "--runtime=600", "--output=/dev/null", *how], start_new_session=True)


def stop(process):
    """What it wrote is in the file afterwards."""
    subprocess.run(["pkill", "-9", "-s", str(process.pid)])
    process.wait()
    disk = os.open(device, os.O_RDWR)
    os.fsync(disk)
    os.close(disk)


def by_tidemark(fio):
    stopped = folder / "stopped"
    command = f"date +%s.%N >{stopped}; pkill -9 -s {fio.pid}"
    told = json.loads(run(tidemark, "copy", "-s", "web", "--through", f"{RELAY} {PORTS['tidemark']}", "-F", command, "--json"))
    end = time.time()
    return {"sent": told["sentBytes"], "stands": end - float(stopped.read_text()), "pause": told["pauseMillis"] / 1000,
            "rounds": [round(one / 2**20) for one in told["rounds"]]}


def sent_by_link():
    text = run("tc", "-s", "-j", "qdisc", "show", "dev", namespace + "a")
    return json.loads(text)[0]["bytes"]


def by_rsync(fio):
    before = sent_by_link()
    line = ["rsync", "--inplace", str(FILE), f"rsync://{far}:{PORTS['rsync']}/to/copy.hds"]
    run(*line)
    begun = time.time()
    stop(fio)
    run(*line)
    return {"sent": sent_by_link() - before, "stands": time.time() - begun}


def by_nbdcopy(fio):
    before = sent_by_link()
    begun = time.time()
    stop(fio)
    size = FILE.stat().st_size
    run(*INSIDE, "truncate", "-s", str(size), str(COPY))
    server = subprocess.Popen([*INSIDE, "qemu-nbd", "-f", "raw", "-b", far, "-p", str(PORTS["nbd"]), "-e", "8", str(COPY)])
    time.sleep(0.3)
    run("nbdcopy", "--flush", str(FILE), f"nbd://{far}:{PORTS['nbd']}")
    seconds = time.time() - begun - 0.3
    server.terminate()
    server.wait()
    return {"sent": sent_by_link() - before, "stands": seconds}


def check():
    """All but the mark of use, as nobody writes any more."""
    run("cmp", "-i", "512", str(COPY), str(FILE))
    COPY.unlink()


def main():
    run("dd", "if=/dev/urandom", f"of={device}", "bs=1M", f"count={size_mib // 2}", "oflag=direct", "status=none")
    (folder / "rsyncd.conf").write_text(f"use chroot = no\nuid = root\ngid = root\n[to]\npath = {folder}\nread only = no\n")
    servers = [
        subprocess.Popen([*INSIDE, "python3", f"{here}/lib/relay.py", "serve", far, str(PORTS["tidemark"]), tidemark, "copy", "-d",
                          str(COPY)]),
        subprocess.Popen([*INSIDE, "rsync", "--daemon", "--no-detach", f"--address={far}", f"--port={PORTS['rsync']}",
                          f"--config={folder}/rsyncd.conf"])]
    time.sleep(1)
    print("| writer, 20 MB/s | way | seconds | sent, MiB | more than the file | the writer stands, ms (worst) |")
    print("|---|---|---:|---:|---:|---:|")
    notes = []
    for kind in ("random 4k", "1M in order"):
        found = {"tidemark copy": [], "rsync twice": [], "nbdcopy after a stop": []}
        for _ in range(rounds):
            for way, by in zip(found, (by_tidemark, by_rsync, by_nbdcopy)):
                fio = writer(kind)
                time.sleep(2)
                begun = time.time()
                one = by(fio)
                one["seconds"] = time.time() - begun
                stop(fio)
                one["size"] = FILE.stat().st_blocks * 512
                check()
                found[way].append(one)
        for way, all_of in found.items():
            middle = {key: statistics.median(one[key] for one in all_of) for key in ("seconds", "sent", "size", "stands")}
            worst = max(one["stands"] for one in all_of)
            print(f"| {kind} | {way} | {middle['seconds']:.1f} | {middle['sent'] / 2**20:.0f} | "
                  f"{100 * (middle['sent'] / middle['size'] - 1):.0f} % | {1000 * middle['stands']:.0f} ({1000 * worst:.0f}) |")
        ours = found["tidemark copy"]
        notes.append(f"- {kind}: the pause as tidemark reports it, without the stop command and the end of the process: median "
                     f"{1000 * statistics.median(one['pause'] for one in ours):.0f} ms, worst "
                     f"{1000 * max(one['pause'] for one in ours):.0f} ms; rounds of the last copy, MiB: "
                     + ", ".join(map(str, ours[-1]["rounds"])))
    print()
    print("\n".join(notes))
    for one in servers:
        one.terminate()


main()
