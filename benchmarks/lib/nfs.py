"""Drives nfs.sh: writes the same changes to all rivals, measures each backup and restore, prints Markdown rows."""

import os
import pathlib
import random
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

from appliance import Appliance

server, export, device, disk = sys.argv[1:5]
disk = pathlib.Path(disk)
gib, full_rounds, rounds = (int(word) for word in sys.argv[5:8])
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


def restic(*command):
    subprocess.run(["restic", "-r", restic.repository, *command], check=True, stdout=subprocess.DEVNULL, timeout=900)


def tidemark(target):
    appliance.job({"kind": "BACKUP", "container": "bench", "target": target})


def restore(target):
    to = disk / f"restored-{time.monotonic_ns()}"
    appliance.job({"kind": "RESTORE", "container": "bench", "target": target, "point": "latest", "destination": str(to)})
    return to


def restic_restore():
    to = disk / f"restored-{time.monotonic_ns()}"
    restic("restore", "latest", "--target", str(to))
    return to


def measure(what, who, action):
    os.sync()
    begun = time.monotonic()
    made = action()
    seconds = time.monotonic() - begun
    results.setdefault((what, who), []).append(seconds)
    print(f"{what} {who}: {seconds:.2f} s", file=sys.stderr)
    if made is not None:
        shutil.rmtree(made) if made.is_dir() else made.unlink()


def received(connection):
    try:
        return connection.recv(MIB)
    except ConnectionResetError:
        return b""


class Relay:
    """Passes TCP connections on and counts the records of the client, each of which is a call."""

    def __init__(self, port):
        self.port_there = port
        self.calls = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            there = socket.create_connection((server, self.port_there))
            threading.Thread(target=self.records, args=(client, there), daemon=True).start()
            threading.Thread(target=self.bytes, args=(there, client), daemon=True).start()

    def records(self, client, there):
        left = 0
        head = b""
        while data := received(client):
            there.sendall(data)
            at = 0
            while at < len(data):
                if left == 0:
                    take = data[at:at + 4 - len(head)]
                    head += take
                    at += len(take)
                    if len(head) == 4:
                        word = int.from_bytes(head, "big")
                        left, head = word & 0x7FFFFFFF, b""
                        self.calls += word >> 31
                else:
                    skip = min(left, len(data) - at)
                    left -= skip
                    at += skip
        there.shutdown(socket.SHUT_WR)

    def bytes(self, there, client):
        while data := received(there):
            client.sendall(data)
        client.close()


def new_rivals(number):
    """A fresh repository for each."""
    appliance.call("POST", "/api/v1/targets",
                   {"name": f"nfs{number}", "kind": "NFS", "nfs": {"address": f"nfs://{server}{export}/nfs{number}"}})
    appliance.call("POST", "/api/v1/targets",
                   {"name": f"folder{number}", "kind": "LOCAL", "local": {"path": str(disk / f"folder{number}")}})
    restic.repository = str(disk / f"restic{number}")
    restic("init")


def counted():
    """RPC calls of a full backup, two increments and a restore."""
    nfs, mount = Relay(2049), Relay(20048)
    address = f"nfs://127.0.0.1:{nfs.port}{export}/counted?mountport={mount.port}"
    os.mkdir(f"{export}/counted")
    appliance.call("POST", "/api/v1/targets", {"name": "counted", "kind": "NFS", "nfs": {"address": address}})
    calls = {}
    for what, before, action in (("full", "none", tidemark), ("scattered", "scattered", tidemark),
                                 ("clustered", "clustered", tidemark), ("none", "none", tidemark),
                                 ("restore", "none", restore)):
        change(before)
        begun = nfs.calls
        action("counted")
        calls[what] = nfs.calls - begun
    return calls


first_content()
appliance.call("POST", "/api/v1/containers", {"name": "bench", "images": [{"path": str(disk / "c.hdd")}]})
WHO = ("Tidemark, NFS", "Tidemark, folder", "restic, folder")
for number in range(full_rounds):
    new_rivals(number)
    measure("full", WHO[0], lambda: tidemark(f"nfs{number}"))
    measure("full", WHO[1], lambda: tidemark(f"folder{number}"))
    measure("full", WHO[2], lambda: restic("backup", "--quiet", str(raw)))
last = full_rounds - 1
for number in range(full_rounds):
    measure("restore", WHO[0], lambda: restore(f"nfs{last}"))
    measure("restore", WHO[1], lambda: restore(f"folder{last}"))
    measure("restore", WHO[2], restic_restore)
for kind in ("scattered", "clustered", "none"):
    for one in range(rounds):
        change(kind)
        rivals = [(WHO[0], lambda: tidemark(f"nfs{last}")), (WHO[1], lambda: tidemark(f"folder{last}")),
                  (WHO[2], lambda: restic("backup", "--quiet", str(raw)))]
        for who, action in rivals[one % 3:] + rivals[:one % 3]:
            measure(kind, who, action)
calls = counted()

names = {"full": "full backup", "restore": "restore", "scattered": "10 MiB in 4 KiB writes",
         "clustered": "40 MiB in 1 MiB writes", "none": "no change"}
print("| | of | seconds (min to max) | MiB/s of the disk's data | NFS requests |\n|---|---|---|---|---|")
for (what, who), seconds in results.items():
    middle = statistics.median(seconds)
    rate = f"{2 * QUARTER / MIB / middle:.0f}" if what in ("full", "restore") else ""
    requests = f"{calls[what]:,}" if who == WHO[0] else ""
    print(f"| {names[what]} | {who} | {middle:.2f} ({min(seconds):.2f} to {max(seconds):.2f}) | {rate} | {requests} |")
