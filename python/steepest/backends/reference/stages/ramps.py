"""y = r @ weight + bias of piecewise linear encodings."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ...._checks import Array
from ...data import Parameters
from ...protocol import Backend
from .base import Rows, View
from .dense import Dense


class Ramps(Dense):
    """A product with all ramps, made of the intervals that samples are in; see `compile.encoding`."""

    kind: ClassVar[str] = "ramps"

    def forward(self, view: View) -> tuple[Array, Array]:
        """The product."""
        return super().forward(_with_ramps(view))

    def parameter_gradients(self, view: View, grad: Array) -> Parameters:
        """Sums over the samples."""
        return super().parameter_gradients(_with_ramps(view), grad)

    def directional(
        self, backend: Backend, view: View, change: Parameters, dx: Array | None, partner: Array | None
    ) -> Rows:
        """As of a product."""
        return super().directional(backend, _with_ramps(view), change, dx, partner)


def _with_ramps(view: View) -> View:
    """With all ramps: 1 of intervals before the sample's, -1 of those behind it."""
    stage = view.stage
    plain = stage.inputs - sum(stage.ramps)
    given, fraction, interval = np.split(view.x, [plain, plain + len(stage.ramps)], axis=1)
    made = [given]
    for ramps, part, own in zip(stage.ramps, fraction.T, interval.T, strict=True):
        passed, on = own[:, np.newaxis] > np.arange(ramps), own[:, np.newaxis] == np.arange(ramps)
        made.append(np.where(on, 2 * part[:, np.newaxis] - 1, np.where(passed, 1, -1)).astype(view.x.dtype))
    return view._replace(x=np.concatenate(made, axis=1))
