"""Drives s3.sh: writes the same changes to both rivals, measures each backup, prints Markdown rows."""

import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import time

from appliance import Appliance

script, store, endpoint, device, disk = sys.argv[1:6]
disk = pathlib.Path(disk)
gib, full_rounds, rounds = (int(word) for word in sys.argv[6:9])
QUARTER = (gib << 30) // 4
MIB = 1 << 20
chance = random.Random(20)
os.environ["RESTIC_PASSWORD"] = "bench"
os.environ["RESTIC_CACHE_DIR"] = str(disk / "restic-cache")
raw = disk / "restic-source" / "disk.raw"
appliance = Appliance(os.environ["TIDEMARK_STATE"])
results = {}


def first_content():
    words = ["".join(chance.choices("etaoinshrdlucmfwypvbgk", k=chance.randint(2, 10))) for _ in range(4000)]
    texts = [(" ".join(chance.choices(words, k=200_000)) + "\n").encode()[:MIB] for _ in range(16)]
    raw.parent.mkdir()
    with open(raw, "wb") as source:
        source.truncate(4 * QUARTER)
        for _ in range(QUARTER // MIB):
            source.write(os.urandom(MIB))
        for _ in range(QUARTER // MIB):
            text = bytearray(chance.choice(texts))
            for _ in range(256):
                at = chance.randrange(MIB - 16)
                text[at:at + 16] = b"%016x" % chance.getrandbits(64)
            source.write(text)
    subprocess.run(["dd", f"if={raw}", f"of={device}", "bs=1M", f"count={2 * QUARTER // MIB}", "oflag=direct",
                    "conv=fdatasync", "status=none"], check=True, timeout=600)


def change(kind):
    if kind == "none":
        return
    length, count = (4096, 2560) if kind == "scattered" else (MIB, 40)
    writes = [(chance.randrange(2 * QUARTER // length) * length, os.urandom(length)) for _ in range(count)]
    for path in (raw, device):
        with open(path, "r+b", buffering=0) as out:
            for offset, data in writes:
                os.pwrite(out.fileno(), data, offset)
            os.fsync(out.fileno())


def gateway():
    """Requests and bytes that the gateway has received so far, by its own log."""
    text = (pathlib.Path(store) / "log" / "client.rgw.log").read_text(errors="replace")
    lines = re.findall(r'beast: .*"(PUT|GET|HEAD|POST|DELETE) [^"]*" (\d+) (\d+)', text)
    return len(lines)


def bucket_bytes(bucket):
    """Bytes and objects of a bucket, by the gateway's own account."""
    out = subprocess.run([script, "stats", store, bucket], check=True, capture_output=True, text=True, timeout=60).stdout
    size, objects = out.split()
    return int(size), int(objects)


def measure(what, who, bucket, action):
    requests, (size, objects) = gateway(), bucket_bytes(bucket)
    begun = time.monotonic()
    action()
    seconds = time.monotonic() - begun
    time.sleep(0.3)
    after = bucket_bytes(bucket)
    row = (seconds, (after[0] - size) / MIB, gateway() - requests, after[1] - objects)
    results.setdefault((what, who), []).append(row)
    print(f"{what} {who}: {row[0]:.2f} s, {row[1]:.1f} MiB, {row[2]} requests, {row[3]} objects", file=sys.stderr)


def restic(*command):
    subprocess.run(["restic", "-r", restic.repository, *command], check=True, stdout=subprocess.DEVNULL, timeout=900)


def tidemark(target):
    appliance.job({"kind": "BACKUP", "container": "bench", "target": target})


def new_rivals(number):
    """A fresh repository for each."""
    for bucket in (f"tidemark{number}", f"restic{number}"):
        subprocess.run([script, "bucket", store, bucket], check=True, stdout=subprocess.DEVNULL, timeout=60)
    appliance.call("POST", "/api/v1/targets", {"name": f"t{number}", "kind": "S3", "s3": {
        "endpoint": endpoint, "bucket": f"tidemark{number}", "pathStyle": True, "checksumMode": "WHEN_REQUIRED",
        "credentials": {"accessKey": os.environ["AWS_ACCESS_KEY_ID"], "secretKey": os.environ["AWS_SECRET_ACCESS_KEY"]}}})
    restic.repository = f"s3:{endpoint}/restic{number}"
    restic("init")


first_content()
appliance.call("POST", "/api/v1/containers", {"name": "bench", "images": [{"path": str(disk / "c.hdd")}]})
for number in range(full_rounds):
    new_rivals(number)
    measure("full", "Tidemark", f"tidemark{number}", lambda: tidemark(f"t{number}"))
    measure("full", "restic", f"restic{number}", lambda: restic("backup", "--quiet", str(raw)))
last = full_rounds - 1
for kind in ("scattered", "clustered", "none"):
    for one in range(rounds):
        change(kind)
        pair = [("Tidemark", f"tidemark{last}", lambda: tidemark(f"t{last}")),
                ("restic", f"restic{last}", lambda: restic("backup", "--quiet", str(raw)))]
        for who, bucket, action in pair if one % 2 == 0 else reversed(pair):
            measure(kind, who, bucket, action)

names = {"full": "full", "scattered": "10 MiB in 4 KiB writes", "clustered": "40 MiB in 1 MiB writes", "none": "no change"}
print("| backup | of | seconds (min to max) | MiB stored | requests | objects |\n|---|---|---|---|---|---|")
for (what, who), rows in results.items():
    seconds, size, requests, objects = (statistics.median(column) for column in zip(*rows))
    low, high = min(row[0] for row in rows), max(row[0] for row in rows)
    print(f"| {names[what]} | {who} | {seconds:.2f} ({low:.2f} to {high:.2f}) | {size:.1f} | {requests:.0f} | {objects:.0f} |")
