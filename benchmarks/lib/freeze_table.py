"""Turns the samples of freeze.sh into a Markdown table."""

import json
import pathlib
import statistics
import sys

PARTS = {
    "frozenMicros": "**frozen, as recorded in the point**",
    "freezeMicros": "of it: FIFREEZE",
    "instantMicros": "of it: barrier and view in the device server",
    "thawMicros": "of it: FITHAW",
    "beforeMicros": "before it, not frozen: syncfs, watchdog",
}


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def main(folder):
    print("| load | part | p50 ms | p90 ms | p99 ms | max ms | samples | grade filesystem |")
    print("|---|---|---|---|---|---|---|---|")
    for load in ("idle", "writer"):
        rows = []
        for path in sorted(pathlib.Path(folder).glob(f"{load}.*.json")):
            rows += json.loads(path.read_text())
        consistent = sum(row["grade"] == "FILESYSTEM" for row in rows)
        for part, title in PARTS.items():
            ms = [row[part] / 1000 for row in rows]
            print(f"| {load} | {title} | {statistics.median(ms):.2f} | {quantile(ms, 0.9):.2f} | {quantile(ms, 0.99):.2f} "
                  f"| {max(ms):.2f} | {len(ms)} | {consistent} |")
    rates = []
    for path in sorted(pathlib.Path(folder).glob("load.*.json")):
        text = path.read_text()
        rates.append(json.loads(text[text.index("{"):])["jobs"][0]["write"]["bw_bytes"] / 1e6)
    print(f"\nThe writer got {' and '.join(f'{rate:.0f}' for rate in rates)} MB/s.")


main(sys.argv[1])
