"""A linear classifier of points of three classes: as formulas, as templates, as lines in the plane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...training.divergence import DivergenceError
from ..fields import Choice, Flag, Integer, ListOf, Number, Row
from ..protocol import Answer, Tab, action
from . import plane
from .digits import Digits

MOST_POINTS, MOST_STEPS = 60, 200
_POINTS = [  # those of the demo of the CS231n course notes
    [0.5, 0.4, 0],
    [0.8, 0.3, 0],
    [0.3, 0.8, 0],
    [-0.4, 0.3, 1],
    [-0.3, 0.7, 1],
    [-0.7, 0.2, 1],
    [0.7, -0.4, 2],
    [0.5, -0.6, 2],
    [-0.4, -0.5, 2],
]
_PLACE = Number(-plane.SIDE, plane.SIDE)
_PARAMETER = Number(-plane.LARGEST, plane.LARGEST)
_LOSS, _STRENGTH = Choice(tuple(plane.LOSSES)), Number(0.0, 10.0)


class LinearTab(Tab):
    """All but the digits follows from the points, W, b and the settings, which each message has."""

    def __init__(self) -> None:
        self._digits: Digits | None = None

    def choices(self) -> Mapping[str, Any]:
        """The settings at first, and the ranges."""
        start = {"points": _POINTS, "W": [[1.0, 2.0], [2.0, -4.0], [3.0, -1.0]], "b": [0.0, 0.5, -0.5]}
        start |= {"loss": "hinge", "strength": 0.01, "rate": 0.1}
        return {"start": start, "side": plane.SIDE, "largest": plane.LARGEST, "most_points": MOST_POINTS}

    @action(
        points=ListOf(Row([_PLACE, _PLACE, Integer(0, plane.CLASSES - 1)]), 1, MOST_POINTS),
        W=Row([Row([_PARAMETER] * 2)] * plane.CLASSES),
        b=Row([_PARAMETER] * plane.CLASSES),
        loss=_LOSS,
        strength=_STRENGTH,
        rate=Number(1e-4, 100.0),
        steps=Integer(0, MOST_STEPS),
    )
    def show(
        self,
        points: list[list[float]],
        W: list[list[float]],
        b: list[float],
        loss: str,
        strength: float,
        rate: float,
        steps: int,
    ) -> Answer:
        """Take some steps of gradient descent, and tell W, b and all that follows from them.

        Where the steps diverge, W and b stay, and "diverged" says so.
        """
        X, y = np.array([point[:2] for point in points]), np.array([int(point[2]) for point in points])
        model, diverged, totals = plane.model_of(W, b), None, []
        try:
            totals = plane.stepped(model, X, y, loss, strength, rate, steps)
        except DivergenceError:
            model = plane.model_of(W, b)
            diverged = f"diverged: the loss keeps growing with step size {rate:g}, so W and b were kept; "
            diverged += "take a smaller step size"
        new_W, new_b = plane.parameters(model)
        losses = plane.losses(model, X, y, strength)
        values = {
            "W": new_W.tolist(),
            "b": new_b.tolist(),
            "totals": [*totals, losses[loss]["total"]],
            "diverged": diverged,
            "losses": losses,
            "gradients": plane.gradients(model, X, y, loss, strength),
            "samples": plane.samples(model, X, y, loss),
            "lines": plane.lines(model),
        }
        return Answer(values, {"regions": plane.regions(model)})

    @action(seed=Integer(0, 2**31))
    def random(self, seed: int) -> Answer:
        """W and b at random: normal numbers, in hundredths."""
        rng = np.random.default_rng(seed)
        W, b = rng.normal(size=(plane.CLASSES, 2)), 0.5 * rng.normal(size=plane.CLASSES)
        return Answer({"W": W.round(2).tolist(), "b": b.round(2).tolist()})

    @action(loss=_LOSS, strength=_STRENGTH, epochs=Integer(0, 20), restart=Flag())
    def digits(self, loss: str, strength: float, epochs: int, restart: bool) -> Answer:
        """Train templates of the digits for some epochs; loss and penalty are those of the last restart."""
        if restart or self._digits is None:
            self._digits = Digits(loss, strength)
        if epochs:
            self._digits.train(epochs)
        return Answer(self._digits.shown(), {"templates": self._digits.templates()})
