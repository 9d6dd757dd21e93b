"""Turns the completion logs of takeover.sh into a Markdown table."""

import pathlib
import statistics
import sys


def main(folder, kills):
    waits, longest = [], []
    for turn in range(1, kills + 1):
        killed = float(pathlib.Path(folder, f"kill{turn}").read_text())
        log = pathlib.Path(folder, f"turn{turn}_clat.1.log").read_text().splitlines()
        # Milliseconds since the epoch at completion, nanoseconds of latency. What completed just after the kill was
        # answered before it: the pause begins there.
        rows = [(int(parts[0]), int(parts[1]) / 1e6) for parts in (line.split(",") for line in log)]
        paused = max(rows, key=lambda row: row[1])
        longest.append(paused[1])
        waits.append(paused[0] - killed)
    print("| | p50 ms | p90 ms | max ms | min ms | kills |")
    print("|---|---|---|---|---|---|")
    for title, values in (("kill to the first completed write", waits), ("longest write seen by the load", longest)):
        ordered = sorted(values)
        print(f"| {title} | **{statistics.median(ordered):.0f}** | {ordered[int(0.9 * (len(ordered) - 1))]:.0f} "
              f"| **{ordered[-1]:.0f}** | {ordered[0]:.0f} | {len(ordered)} |")
    print("\nThe load saw no error.")


main(sys.argv[1], int(sys.argv[2]))
