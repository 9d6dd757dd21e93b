"""Times commands of images.sh and prints a Markdown table."""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

GIB = 1 << 30


def run(*words):
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL, timeout=600)


def timed(*words):
    begin = time.monotonic()
    run(*words)
    return time.monotonic() - begin


class Bench:
    def __init__(self, tidemark, folder):
        self.tidemark = tidemark
        self.folder = pathlib.Path(folder)
        self.times = {}
        self.names = 0

    def fresh(self, suffix=""):
        self.names += 1
        return self.folder / f"i{self.names}{suffix}"

    def note(self, what, who, seconds):
        self.times.setdefault(what, {}).setdefault(who, []).append(seconds)

    def prepare(self):
        raw = self.folder / "data.raw"
        with open(raw, "wb") as file:
            for _ in range(64):
                file.write(os.urandom(GIB // 64))
        self.raw = raw
        self.ours = self.folder / "ours"
        run(self.tidemark, "image", "convert", raw, self.ours, "--to", "expanded")
        self.theirs = self.folder / "theirs.qcow2"
        run("qemu-img", "convert", "-O", "qcow2", raw, self.theirs)
        self.big = self.folder / "big"
        run(self.tidemark, "image", "create", self.big, "--size", "1T")
        self.big_qcow2 = self.folder / "big.qcow2"
        run("qemu-img", "create", "-q", "-f", "qcow2", self.big_qcow2, "1T")

    def top_file(self, image):
        listed = json.loads(subprocess.check_output([self.tidemark, "snapshot", "list", image, "--json"], text=True))
        return image / next(level["file"] for level in listed if level["current"]), listed

    def round(self):
        self.note("nothing", "Tidemark", timed(self.tidemark, "--version"))
        for size, ours, theirs in (("1 GiB, full", self.ours, self.theirs), ("1 TiB, empty", self.big, self.big_qcow2)):
            what = f"clone, {size}"
            self.note(what, "Tidemark", timed(self.tidemark, "image", "clone", ours, self.fresh()))
            self.note(what, "qemu-img", timed("qemu-img", "create", "-q", "-f", "qcow2", "-b", theirs, "-F", "qcow2",
                                              self.fresh(".qcow2")))
        # A level with 1 GiB of its own over 1 GiB, both on disk, then merged down.
        ours = self.fresh()
        shutil.copytree(self.ours_alone(), ours)
        theirs = self.fresh(".qcow2")
        shutil.copyfile(self.theirs, theirs)
        self.note("snapshot", "Tidemark", timed(self.tidemark, "snapshot", "create", ours))
        overlay = self.fresh(".qcow2")
        self.note("snapshot", "qemu-img", timed("qemu-img", "create", "-q", "-f", "qcow2", "-b", theirs, "-F", "qcow2",
                                                overlay))
        top, listed = self.top_file(ours)
        run("qemu-io", "-f", "parallels", "-c", "write -P 7 0 512M", "-c", "write -P 9 512M 512M", top)
        run("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 512M", "-c", "write -P 9 512M 512M", overlay)
        os.sync()
        base = next(level["snapshot"] for level in listed if not level["current"])
        self.note("merge of 1 GiB", "Tidemark", timed(self.tidemark, "snapshot", "delete", ours, base))
        self.note("merge of 1 GiB", "qemu-img", timed("qemu-img", "commit", "-q", overlay))
        # Copies are made durable by one and not by the other: a sync belongs to both.
        raw = self.fresh(".raw")
        self.note("convert 1 GiB to raw, synced", "Tidemark",
                  timed("sh", "-c", f"'{self.tidemark}' image convert '{self.ours_alone()}' '{raw}' --to raw && sync"))
        other = self.fresh(".raw")
        self.note("convert 1 GiB to raw, synced", "qemu-img",
                  timed("sh", "-c", f"qemu-img convert -O raw '{self.theirs}' '{other}' && sync"))
        self.note("check 1 GiB", "Tidemark", timed(self.tidemark, "image", "check", ours))
        self.note("check 1 GiB", "qemu-img", timed("qemu-img", "check", "-q", theirs))
        # Every other MiB became zeros: half of the file goes, a quarter of it moves.
        holes = [word for at in range(0, 1024, 2) for word in ("-c", f"write -P 0 {at}M 1M")]
        ours = self.fresh()
        shutil.copytree(self.ours_alone(), ours)
        run("qemu-io", "-f", "parallels", *holes, self.top_file(ours)[0])
        theirs = self.fresh(".qcow2")
        shutil.copyfile(self.theirs, theirs)
        run("qemu-io", "-f", "qcow2", *holes, theirs)
        os.sync()
        what = "compact 1 GiB of which half is zeros, synced"
        self.note(what, "Tidemark", timed("sh", "-c", f"'{self.tidemark}' image compact --zeros '{ours}' && sync"))
        other = self.fresh(".qcow2")
        self.note(what, "qemu-img (converts into a new file)",
                  timed("sh", "-c", f"qemu-img convert -O qcow2 '{theirs}' '{other}' && sync"))
        for path in self.folder.glob("i*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def ours_alone(self):
        """An image that shares nothing."""
        alone = self.folder / "alone"
        if not alone.exists():
            run(self.tidemark, "image", "convert", self.raw, alone, "--to", "expanded")
        return alone

    def table(self):
        print("| command | Tidemark s (min to max) | qemu-img s (min to max) |")
        print("|---|---|---|")
        for what, by in self.times.items():
            cells = []
            for who in ("Tidemark", "qemu-img"):
                # The peer's name may say how it differs.
                values = next((times for name, times in by.items() if name.startswith(who)), None)
                cells.append("" if not values else f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")
            other = next((name for name in by if name.startswith("qemu-img (")), None)
            what = what if other is None else f"{what}; {other}"
            print(f"| {what} | {cells[0]} | {cells[1]} |")


def main():
    bench = Bench(sys.argv[1], sys.argv[2])
    bench.prepare()
    for _ in range(int(sys.argv[3])):
        bench.round()
    bench.table()


main()
