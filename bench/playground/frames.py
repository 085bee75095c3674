"""Print how fast the playground learns while its page draws, in a real browser on this machine.

    python bench/playground/frames.py [--seconds 20] [--soak 600] [--json FILE]

For some networks at full speed: steps a second, which the page shows, drawing included; frames a second and
the longest frame; bytes of an answer; the share of a frame in which the server learns. Then one network runs
for `--soak` seconds, and the growth of the memory of page and server is told. Each run must have learned: its
loss must be below what it was. Needs Chromium and its driver (Debian: chromium, chromium-driver), selenium.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import threading
import time
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))  # the browser of the tests

from support.browser import CHROMIUM, Page, chromium

import steepest as st
from steepest.playground.server import Playground

WIDE = [{"units": 16}] * 6
NETWORKS = {
    "2-4-2-2, circle": {},
    "2-8-8-3, three arms, Adam": {
        "data": {"name": "three arms"},
        "layers": [{"units": 8}, {"units": 8}],
        "optimizer": {"name": "Adam"},
    },
    "the same, softmax beside hinge": {
        "data": {"name": "three arms"},
        "layers": [{"units": 8}, {"units": 8}],
        "optimizer": {"name": "Adam"},
        "compare": {"name": "MulticlassHinge"},
    },
    "7-16-16-16-16-16-16-5, the largest": {
        "data": {"name": "five arms", "samples": 2000},
        "layers": WIDE,
        "inputs": ["x1", "x2", "x1^2", "x2^2", "x1 x2", "sin x1", "sin x2"],
        "optimizer": {"name": "Adam"},
        "learning_rate": 0.001,
    },
}
# Counts pictures, and the longest time between two refreshes; the page's own code is as it is.
COUNT = """
window.counted = {longest: 0, answers: 0};
let last = performance.now();
const tick = (now) => { counted.longest = Math.max(counted.longest, now - last); last = now;
  requestAnimationFrame(tick); };
requestAnimationFrame(tick);
const view = document.getElementById('epoch');
const changes = {childList: true, characterData: true, subtree: true};
new MutationObserver(() => counted.answers++).observe(view, changes);
"""


def main() -> None:
    """Measure, print, and write the file."""
    parser = argparse.ArgumentParser(description="How fast the playground learns while its page draws.")
    parser.add_argument("--seconds", type=float, default=20, help="of each network")
    parser.add_argument(
        "--soak", type=float, default=600, help="seconds of the last run, for memory; 0: none"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    server = Playground()
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    with chromium(Path()) as driver:
        figures = {name: run(driver, server, settings, given.seconds) for name, settings in NETWORKS.items()}
        soaked = soak(driver, server, given.soak) if given.soak else None
    server.stop()
    print("| network | steps a second | drawn a second | longest frame | bytes a frame |")
    print("| --- | --- | --- | --- | --- |")
    for name, row in figures.items():
        drawn = f"{row['drawn']:.0f} | {row['longest']:.0f} ms | {row['bytes']:,}"
        print(f"| {name} | {row['steps']:,.0f} | {drawn} |")
    if soaked:
        print(f"after {given.soak:.0f} s: page {soaked['page']:+.1f} MB, server {soaked['server']:+.1f} MB")
    if given.json:
        machine = {"python": platform.python_version(), "build": st.build_info()}
        given.json.write_text(
            json.dumps({"networks": figures, "soak": soaked, "machine": machine}, default=str)
        )


def opened(driver: object, server: Playground, settings: dict[str, object]) -> Page:
    """The network tab at full speed."""
    state = json.dumps({"settings": settings, "look": {"pace": 10000}})
    return Page(driver, server.address, "network", "=" + quote(state))


def run(driver: object, server: Playground, settings: dict[str, object], seconds: float) -> dict[str, float]:
    """One network's figures."""
    page = opened(driver, server, settings)
    before = loss(page)
    page.click("play")
    time.sleep(1)
    page.script(COUNT)
    first, began = steps(page), time.perf_counter()
    time.sleep(seconds)
    took = time.perf_counter() - began
    done, counted = steps(page) - first, page.script("return counted")
    page.click("play")
    assert done > 0 and loss(page) < before, "it has not learned"
    return {
        "steps": done / took,
        "drawn": counted["answers"] / took,
        "longest": counted["longest"],
        "bytes": size(settings),
    }


def size(settings: dict[str, object]) -> int:
    """Bytes of an answer while it learns."""
    from steepest.playground.session import Session

    session = Session(None)
    usual = session.tab("network").choices()["settings"]

    def ask(action: str, given: object) -> bytes:
        message = {"version": 1, "id": 1, "tab": "network", "do": action, "with": given}
        return session.answer(json.dumps(message))

    ask("configure", {**usual, **settings})
    return len(ask("learn", {"seconds": 0.0, "most": 1}))


def soak(driver: object, server: Playground, seconds: float) -> dict[str, float]:
    """Growth of memory in MB, from the first ten seconds on."""
    page = opened(driver, server, NETWORKS["2-8-8-3, three arms, Adam"])
    page.click("play")
    time.sleep(min(10, seconds / 2))
    before = memory(page)
    time.sleep(seconds)
    after = memory(page)
    return {name: (after[name] - before[name]) / 1e6 for name in before}


def memory(page: Page) -> dict[str, float]:
    """Bytes that page and server hold."""
    resident = Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]
    return {
        "page": page.script("gc(); return performance.memory.usedJSHeapSize"),
        "server": 1024 * int(resident),
    }


def steps(page: Page) -> int:
    """Steps of all runs so far."""
    return int(page.script("return Number(document.getElementById('epoch').dataset.steps)"))


def loss(page: Page) -> float:
    """The training loss that is shown."""
    text = page.script("return document.querySelector('.figures b').innerText")
    return float(text.replace("\u2212", "-"))


if __name__ == "__main__":
    if not CHROMIUM:
        raise SystemExit("this needs Chromium and its driver: apt install chromium chromium-driver")
    main()
