"""A long run: drawn models are built, trained, kept, cancelled and thrown away, and nothing may grow.

    cd tests
    python -m fuzz.soak --minutes 60 --seed 7          # one line a minute; ends with 1 if something grew

The same `LAP` draws follow each other again and again. From the end of the third lap on, resident memory of
this process, less the pages that glibc has free, stays within 1 % and `SLACK`, and threads, open files and
temporary files are no more than then.
"""

from __future__ import annotations

import argparse
import copy
import ctypes
import gc
import os
import pickle
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from support.implementations import taking_all_threads

import steepest as st

from . import estimators, training
from .draw import Draw

LAP = 200  # draws
WARM_UP = 3  # laps, until the allocator has its pages, and each number of threads its crew
SLACK = 4.0  # MiB, for gaps between arrays of many sizes
THREADS = (1, 2, 3)
EPOCHS = 3
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None


class Figures(NamedTuple):
    """What this process has of the system: MiB, and numbers."""

    memory: float
    threads: int
    files: int
    temporary: int

    @classmethod
    def now(cls) -> Figures:
        gc.collect()
        if _trim is not None:  # free pages that the C library keeps: up to 10 MiB in an hour
            _trim(0)
        lines = Path("/proc/self/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        open_files = sum(1 for _ in Path("/proc/self/fd").iterdir())
        left = sum(len(files) for _, _, files in os.walk(tempfile.gettempdir()))
        return cls(int(status["VmRSS"].split()[0]) / 1024, int(status["Threads"]), open_files, left)

    def __str__(self) -> str:
        return f"{self.memory:.1f} MiB, {self.threads} threads, {self.files} files, {self.temporary} left"


def same(a: st.Sequential, b: st.Sequential) -> bool:
    """Whether two models have the same bits."""
    state = b.state_dict()
    return all(np.array_equal(value, state[key]) for key, value in a.state_dict().items())


def fits(trainer: st.Trainer, case: training.Case, **options: Any) -> str:
    """How a fit ended: its status, or how it diverged."""
    x, y, weight = case.batches[0]
    how = {"epochs": EPOCHS, "batch_size": 7, "progress": False, "sample_weight": weight}
    try:
        return str(trainer.fit(x, y, **how | options).status)
    except st.DivergenceError as error:
        return str(error)


def saved(trainer: st.Trainer, case: training.Case, path: Path) -> None:
    """Trained, saved, loaded, pickled and copied: the same model each time."""
    model = trainer.model
    if any(not np.isfinite(value).all() for value in model.state_dict().values()):
        return
    model.save(path)
    model.save(path)  # over the first
    for other in (st.load(path), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert same(other, model), "a copy is another model"


def resumed(trainer: st.Trainer, case: training.Case, path: Path) -> None:
    """One that stops for good after an epoch goes on from its checkpoint to the end of one that does not."""
    other = case.trainer()
    options = {"checkpoint": path, "checkpoint_every": 1}
    fits(other, case, **options, epochs=1)
    assert fits(other, case, **options, resume=path.exists()) == fits(trainer, case)


def cancelled(trainer: st.Trainer, case: training.Case, path: Path) -> None:
    """By a callback after an epoch or a batch, or by an error of its own."""

    def fail(state: Any) -> None:
        raise InterruptedError

    where = case.draw.choice(["callbacks", "batch_callbacks"])
    fits(trainer, case, **{where: [lambda state: trainer.cancel()]})
    try:
        fits(trainer, case, **{where: [fail]})
    except InterruptedError:
        return
    raise AssertionError("the error of a callback got lost")


def trained(act: Callable[[st.Trainer, training.Case, Path], None]) -> Callable[[Draw, Path], None]:
    """A round of a drawn network."""

    def round_of(d: Draw, folder: Path) -> None:
        case = training.drawn(d.random.randrange(2**32), 0)
        trainer = case.trainer()
        if act is not resumed:
            fits(trainer, case)
        act(trainer, case, folder / "file")

    return round_of


ROUNDS: dict[Callable[[Draw, Path], Any], int] = {
    trained(saved): 3,
    trained(resumed): 2,
    trained(cancelled): 2,
    lambda d, _: estimators.fitted(d): 3,
}


def one(seed: int, number: int) -> None:
    """One round, whose files are gone at its end."""
    d = Draw(seed, number)
    act = d.random.choices(list(ROUNDS), list(ROUNDS.values()))[0]
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore", RuntimeWarning)  # of losses that rise
        with st.config("native", d.choice(THREADS)):
            act(d, Path(folder))
        left = {path.name for path in Path(folder).iterdir()} - {"file", "file.previous"}
        assert not left, f"{left} are left"


def soak(seed: int, minutes: float, every: float = 1.0, lap: int = LAP) -> Iterator[tuple[int, Figures]]:
    """Rounds for some minutes: how many are done, and what this process has, from the warm-up on.

    every: minutes between two looks.
    """
    began, due, number = time.monotonic(), 0.0, 0
    with tempfile.TemporaryDirectory() as own, taking_all_threads():
        before, tempfile.tempdir = tempfile.tempdir, own
        try:
            while (now := (time.monotonic() - began) / 60) < minutes or number <= WARM_UP * lap:
                if number >= WARM_UP * lap and now >= due:
                    due = now + every
                    yield number, Figures.now()
                one(seed, number % lap)
                number += 1
            yield number, Figures.now()
        finally:
            tempfile.tempdir = before


def grown(first: Figures, last: Figures) -> list[str]:
    """What has become more."""
    most = first._replace(memory=first.memory * 1.01 + SLACK)
    return [
        f"{name}: {was:.0f}, then {now:.0f}"
        for name, was, now, limit in zip(Figures._fields, first, last, most, strict=True)
        if now > limit
    ]


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lap", type=int, default=LAP, help="draws, which are repeated")
    options = parser.parse_args()
    seen = []
    for number, figures in soak(options.seed, options.minutes, lap=options.lap):
        seen.append(figures)
        print(f"{number} rounds: {figures}", flush=True)
    found = grown(seen[0], seen[-1])
    print("grown: " + "; ".join(found) if found else "nothing has grown")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
