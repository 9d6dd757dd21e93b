"""Drives appliance.sh; prints Markdown."""

import http.client
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time
import urllib.parse

from appliance import Appliance

tidemark, disk = sys.argv[1], pathlib.Path(sys.argv[2])
starts, requests = int(sys.argv[3]), int(sys.argv[4])
state = os.environ["TIDEMARK_STATE"]
run = os.environ["TIDEMARK_RUN"]


def start():
    """The process, and seconds to the line and to the first answer."""
    begun = time.monotonic()
    child = subprocess.Popen([tidemark, "serve", "--listen", "127.0.0.1:0", "--tls", "off"], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
    for line in child.stdout:
        if line.startswith("tidemark: listening on "):
            break
    listening = time.monotonic() - begun
    Appliance(state).call("GET", "/api/v1/overview")
    return child, listening, time.monotonic() - begun


def stop(child):
    child.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    child.wait(60)
    return time.monotonic() - begun


def resident(pid):
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS")) / 1024


def server(main):
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        name = b"org.tidemark.ploop.server." + main.encode()
        if name in words and f"--run={run}".encode() in words and words[words.index(name) + 1].startswith(b"--run="):
            return int(folder.name)
    raise SystemExit(f"{main} does not run")


rows = []
for number in range(starts):
    child, listening, answered = start()
    rows.append((listening, answered, resident(child.pid), stop(child)))
cold, warm = rows[0], rows[1:] or rows
print("| start | listens after s | first answer after s | resident MiB then | orderly end s |\n|---|---|---|---|---|")
print(f"| first, empty state | {cold[0]:.2f} | {cold[1]:.2f} | {cold[2]:.0f} | {cold[3]:.2f} |")
median = [statistics.median(column) for column in zip(*warm)]
print(f"| later, median of {len(warm)} | {median[0]:.2f} | {median[1]:.2f} | {median[2]:.0f} | {median[3]:.2f} |")

child, _, _ = start()
api = Appliance(state)
image = disk / "c.hdd"
subprocess.run([tidemark, "image", "create", image, "--size", "1G", "--single-file", "--no-partition"], check=True,
               stdout=subprocess.DEVNULL, timeout=60)
device = api.call("POST", "/api/v1/devices", {"image": str(image)})
subprocess.run(["dd", "if=/dev/urandom", f"of={device['blockDevice']}", "bs=1M", "count=256", "oflag=direct", "status=none"],
               check=True, timeout=120)
api.call("POST", "/api/v1/targets", {"name": "folder", "kind": "LOCAL", "local": {"path": str(disk / "vault")}})
api.call("POST", "/api/v1/containers", {"name": "bench", "images": [{"path": str(image)}]})
for one in range(19):
    extra = disk / f"extra{one}.hdd"
    subprocess.run([tidemark, "image", "create", extra, "--size", "64M", "--single-file", "--no-partition"], check=True,
                   stdout=subprocess.DEVNULL, timeout=60)
    api.call("POST", "/api/v1/containers", {"name": f"extra{one}", "images": [{"path": str(extra)}]})
for one in range(3):
    api.call("POST", "/api/v1/policies", {"name": f"p{one}", "containers": [f"extra{one}"], "target": "folder",
                                          "schedule": {"kind": "CRON", "cron": "0 3 * * *"}})
for _ in range(60):
    api.job({"kind": "BACKUP", "container": "bench"})


def latency(path):
    parts = urllib.parse.urlsplit(api.access["url"])
    line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    times, size = [], 0
    for one in range(100 + requests):
        begun = time.perf_counter()
        line.request("GET", path, headers={"Authorization": "Bearer " + api.access["token"]})
        answer = line.getresponse()
        size = len(answer.read())
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status}")
        if one >= 100:
            times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    return times[len(times) // 2], times[int(len(times) * 0.99)], times[-1], size


print("\n| request | p50 ms | p99 ms | max ms | bytes |\n|---|---|---|---|---|")
for path in ("/api/v1/overview", "/api/v1/containers", "/api/v1/containers/bench", "/api/v1/containers/bench/points",
             "/api/v1/jobs", "/api/v1/policies", "/api/v1/targets", "/api/v1/devices", "/q/health/ready", "/q/metrics"):
    p50, p99, most, size = latency(path)
    print(f"| GET {path} | {p50:.1f} | {p99:.1f} | {most:.1f} | {size} |")
print("\n| process | resident MiB |\n|---|---|")
print(f"| appliance | {resident(child.pid):.0f} |")
print(f"| device server, one device | {resident(server('DeviceServerMain')):.0f} |")
print(f"| holder | {resident(server('HolderMain')):.0f} |")
api.call("DELETE", "/api/v1/devices/" + device["deviceId"])
stop(child)
