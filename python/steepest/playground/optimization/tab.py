"""Optimization: the paths of several methods on one loss of two parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..._checks import Array
from ...gradients import Descent
from ..fields import Choice, Integer, ListOf, Number, Optional, Row
from ..protocol import Answer, Tab, action
from .paths import FARTHEST, METHODS, Run, followed
from .surfaces import Surface, picture, surfaces

RATES = [digit * 10.0**power for power in range(-4, 0) for digit in (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)]
RATES = [float(f"{rate:.2g}") for rate in [*RATES, 1, 1.5, 2, 3]]
MOMENTA = 0.0, 0.99
STEPS = 10, 500
SEEDS = 0, 9999
_SHOWN = 1e-6  # of the first loss: the least that the chart of losses shows
_SURFACE = Choice(["bowl", "valley", "saddle", "hills", "hinge", "softmax"])
_picture = lru_cache(maxsize=12)(lambda name, width, height: picture(surfaces()[name], width, height))


class OptimizationTab(Tab):
    """Everything follows from what is asked: the surface, where to start, and the settings of the methods."""

    def choices(self) -> Mapping[str, Any]:
        """Names of surfaces and methods, ranges, and the settings at first."""
        first = {"surface": "bowl", "start": None, "rate": None, "momentum": 0.9, "steps": 100, "noise": 0.0}
        ladder = ["random", "local", "numerical", "analytic", "momentum", "adam"]
        return {
            "surfaces": [[name, surface.title] for name, surface in surfaces().items()],
            "methods": [[name, title] for name, (title, _) in METHODS.items()],
            "rates": RATES,
            "momenta": MOMENTA,
            "steps": STEPS,
            "seeds": SEEDS,
            "first": first | {"seed": 0, "methods": ladder},
        }

    @action(name=_SURFACE, width=Integer(2, 1000), height=Integer(2, 1000))
    def surface(self, name: str, width: int, height: int) -> Answer:
        """A picture of the losses, and where they are least."""
        found = surfaces()[name]
        levels, bands, lines = _picture(name, width, height)
        values = {"x": found.x, "y": found.y, "minima": found.minima.tolist(), "formula": found.formula}
        return Answer(values | {"levels": levels}, {"bands": bands, "lines": lines})

    @action(
        surface=_SURFACE,
        start=Optional(Row([Number(-FARTHEST, FARTHEST)] * 2)),
        methods=ListOf(Choice([*METHODS]), 0, len(METHODS)),
        rate=Optional(Number(RATES[0], RATES[-1])),
        momentum=Number(*MOMENTA),
        steps=Integer(*STEPS),
        noise=Number(0.0, 1.0),
        seed=Integer(*SEEDS),
    )
    def paths(
        self,
        surface: str,
        start: Sequence[float] | None,
        methods: list[str],
        rate: float | None,
        momentum: float,
        steps: int,
        noise: float,
        seed: int,
    ) -> Answer:
        """The path of each method; start and rate are the surface's own where there are none."""
        found = surfaces()[surface]
        begin = Row([Number(*found.x), Number(*found.y)]).checked([*(start or found.start)], "start")
        run = Run(found, (begin[0], begin[1]), rate or found.rate, momentum, steps, noise, seed)
        traces = {name: followed(run, name) for name in METHODS if name in methods}
        arrays: dict[str, Array] = {}
        for name, (descent, _) in traces.items():
            arrays |= {f"{name}.{of}": array for of, array in _described(run, descent).items()}
        diverged = {name: words for name, (_, words) in traces.items() if words}
        left = {name: _left(found, descent) for name, (descent, words) in traces.items() if not words}
        left = {name: steps for name, steps in left.items() if steps}
        values = {"start": begin, "rate": run.rate, "diverged": diverged, "left": left}
        return Answer(values | {"heights": _heights([descent for descent, _ in traces.values()])}, arrays)


def _described(run: Run, descent: Descent) -> Mapping[str, Array]:
    """What the page shows of a path, step by step."""
    steps = len(descent.losses)
    return {
        "path": descent.path,
        "losses": descent.losses,
        "heights": np.log10(descent.losses.clip(1e-300)),
        "evaluations": np.linspace(1, descent.evaluations, steps),
        "distances": run.surface.distances(descent.path),
    }


def _left(surface: Surface, descent: Descent) -> list[int | None] | None:
    """The first step beyond the picture, and that since which the path stays within it, if it does."""
    low, high = np.transpose([surface.x, surface.y])
    outside = np.flatnonzero(((descent.path < low) | (descent.path > high)).any(axis=1)).tolist()
    if not outside:
        return None
    back = outside[-1] + 1
    return [outside[0], back if back < len(descent.path) else None]


def _heights(descents: Sequence[Descent]) -> list[int]:
    """The powers of 10 between which the chart shows losses."""
    if not descents:
        return [-1, 1]
    first = max(float(descent.losses[0]) for descent in descents)
    least = max(_SHOWN * first, min(float(descent.losses.min()) for descent in descents), 1e-300)
    low = math.floor(math.log10(least))
    return [low, max(low + 1, math.ceil(math.log10(max(first, 1e-300))))]
