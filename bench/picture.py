"""Draw what `table.py --json` wrote: the speed of all competitors, relative to steepest's.

    python bench/picture.py FILE.json OUT.svg

The same file gives the same picture to the last byte.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
from harness import microseconds
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from table import share

# Colors of Okabe and Ito, which the color-blind tell apart, and shapes besides.
STYLES = {
    "steepest": ("#000000", "D", "steepest"),
    "reference": ("#999999", "v", "steepest's NumPy backend"),
    "numpy": ("#0072B2", "o", "NumPy, in place"),
    "torch": ("#D55E00", "s", "PyTorch"),
    "torch.compile": ("#E69F00", "^", "torch.compile"),
    "jax": ("#009E73", "P", "JAX, jit"),
    "sklearn": ("#CC79A7", "X", "scikit-learn"),
}
WIDTH, ROW, MARGINS = 8.0, 0.46, 1.95  # inches
GREY, TIMES = "#666666", "\N{MULTIPLICATION SIGN}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw what table.py --json wrote.")
    parser.add_argument("file", type=Path, metavar="FILE.json")
    parser.add_argument("out", type=Path, metavar="OUT.svg")
    options = parser.parse_args()
    save(draw(json.loads(options.file.read_text(encoding="utf-8"))), options.out)


def draw(record: dict[str, Any]) -> Figure:
    """A row for each case, with the time of steepest and its fraction of the peak on the right."""
    steps = record["steps"]
    height = MARGINS + ROW * len(steps)
    figure = Figure((WIDTH, height), facecolor="white")
    axes = figure.add_axes((0.26, 1.1 / height, 0.53, 1 - MARGINS / height))
    for row, step in enumerate(steps):
        _draw_step(axes, row, step, record)
    fastest = max(max(_speeds(step).values()) for step in steps)
    axes.axvline(1, color="black", linewidth=1, zorder=1)
    axes.set(xlim=(0, 1.05 * fastest), ylim=(len(steps) - 0.5, -0.5), yticks=[])
    axes.set_xlabel("times as fast as steepest", color=GREY, fontsize=9)
    axes.grid(axis="x", color="#E5E5E5", zorder=0)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, colors=GREY, labelsize=9)
    _write_around(figure, height, record)
    return figure


def save(figure: Figure, out: Path) -> None:
    """Write it without dates and chance names, and with letters as outlines, the same on every machine."""
    with mpl.rc_context({"svg.hashsalt": "steepest", "svg.fonttype": "path"}):
        figure.savefig(out, dpi=200, metadata={"Date": None} if out.suffix == ".svg" else None)


def _speeds(step: dict[str, Any]) -> dict[str, float]:
    """Of those that have a style, relative to steepest."""
    medians = {name: median(seconds) for name, seconds in step["seconds"].items() if name in STYLES}
    return {name: medians["steepest"] / seconds for name, seconds in medians.items()}


def _draw_step(axes: Axes, row: int, step: dict[str, Any], record: dict[str, Any]) -> None:
    speeds = _speeds(step)
    axes.hlines(row, min(speeds.values()), max(speeds.values()), color="#CCCCCC", linewidth=1.5, zorder=1)
    for name, speed in speeds.items():
        color, marker, label = STYLES[name]
        size = 55 if name == "steepest" else 42
        dot = {"color": color, "marker": marker, "s": size, "edgecolor": "white", "linewidth": 0.6}
        axes.scatter(speed, row, label=label, clip_on=False, zorder=4 if name == "steepest" else 3, **dot)

    def beside(x: float, above: str, below: str, align: str) -> None:
        place = {"transform": axes.get_yaxis_transform(), "ha": align}
        axes.text(x, row - 0.03, above, va="bottom", fontsize=9, **place)
        axes.text(x, row + 0.03, below, va="top", fontsize=8, color=GREY, **place)

    batch, _, sizes, *kind = step["name"].split()
    beside(-0.03, f"{batch} {TIMES} {sizes}", " ".join(kind).replace("_", " "), "right")
    own = median(step["seconds"]["steepest"])
    reached = f"{share(step, own, record):.0%} of {step['limit']}" if step["limit"] else ""
    beside(1.03, f"{microseconds(own)} µs", reached, "left")


def _write_around(figure: Figure, height: float, record: dict[str, Any]) -> None:
    axes = figure.axes[0]
    limits = [f"{gflops:g} GFLOP/s in {dtype}" for dtype, gflops in record["peak_gflops"].items()]
    limits.append(f"{record['bandwidth_gbytes']:g} GB/s of memory")
    threads = f"{record['threads']} thread" + "s" * (record["threads"] > 1)
    isa = record["steepest"]["isa_active"].upper()
    title = "Speed of a training step, and of one row forward, relative to steepest"
    figure.text(0.02, 1 - 0.2 / height, title, va="top", fontsize=12, weight="bold")
    subtitle = f"{record['machine']}; {threads}, {isa}; medians of {record['rounds']} rounds\n"
    subtitle += f"limits: {', '.join(limits)}"
    figure.text(0.02, 1 - 0.46 / height, subtitle, va="top", fontsize=8, color=GREY, linespacing=1.4)
    axes.text(1.03, 1, "steepest", transform=axes.transAxes, va="bottom", fontsize=8, weight="bold")
    found = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    known = [label for _, _, label in STYLES.values() if label in found]
    handles = [found[label] for label in known]
    place = {"loc": "lower center", "bbox_to_anchor": (0.5, 0.01), "ncols": 4}
    figure.legend(handles, known, frameon=False, fontsize=9, handletextpad=0.2, columnspacing=1.5, **place)


if __name__ == "__main__":
    main()
