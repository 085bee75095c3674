"""What each kind of stage implements, and what it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np

from ...._checks import Array
from ....compile.stage import Stage
from ...data import Parameters, StepKey, Whole
from ...protocol import Backend
from ..random import key_of, philox

UNIT = 2**32  # a word is below it: a draw is below `rate` if its word is below rate * UNIT
NOTHING = np.empty(0)
NO_PARAMETERS = Parameters(NOTHING, None)


class View(NamedTuple):
    """What a stage sees of a batch.

    partner: in the forward pass the rows that came out of the partner, if that stands before it; in the
    backward pass their gradient, if it stands behind. key: of the draws; None in inference. running: the
    running statistics, of kinds that have some. saved: what the forward pass has left. whole: the larger
    batch, if this is a part of one.
    """

    stage: Stage
    x: Array
    parameters: Parameters
    key: StepKey | None
    running: Array = NOTHING
    partner: Array = NOTHING
    saved: Array = NOTHING
    whole: Whole | None = None


class Rows(NamedTuple):
    """(samples, features), and how fast they change: None where nothing below changes them."""

    value: Array
    tangent: Array | None


class StageType(ABC):
    """The formulas of one kind of stages, without the activation. Objects have no state."""

    kind: ClassVar[str]

    @abstractmethod
    def forward(self, view: View) -> tuple[Array, Array]:
        """The rows that come out, and what the backward pass needs beside them."""

    @abstractmethod
    def backward(self, view: View, y: Array, grad: Array) -> Array:
        """The gradient of x from that of y."""

    def parameter_gradients(self, view: View, grad: Array) -> Parameters:
        """Those of its parameters from the gradient of y, of kinds that have some."""
        raise NotImplementedError

    def statistics(self, stage: Stage, batch: Array, before: Array) -> Array:
        """The running statistics `before`, after a batch with statistics `batch`, of kinds that have some."""
        raise NotImplementedError

    def tangent(self, view: View, dx: Array) -> Array:
        """How fast y changes as x does; here, as its backward pass would have it of a symmetric map."""
        return dx

    def directional(
        self, backend: Backend, view: View, change: Parameters, dx: Array | None, partner: Array | None
    ) -> Rows:
        """The rows that come out and how fast they change, as in training.

        `change` is that of the parameters, dx that of x, and `partner` that of the partner's rows. Products
        are the backend's.
        """
        y, saved = self.forward(view)
        return Rows(y, None if dx is None else self.tangent(view._replace(saved=saved), dx))


def first_word(stream: int, stage: Stage, key: StepKey) -> int:
    """The first random word of a stage in a step; `stream` is what the draws are for."""
    step = key.step & 0xFFFFFFFF
    counter = (0, key.step >> 32 & 0xFFFFFFFF, step, stream + stage.number)
    return int(philox(counter, key_of(key.seed))[0])
