"""y = [x, z @ A + a] with z = cos(2 pi (x * w + b)), feature by feature of those that have cosines."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np

from ...._checks import Array
from ...data import Parameters
from ...protocol import Backend
from .base import NOTHING, Rows, StageType, View


class _Parts(NamedTuple):
    """Rows of a weight: w and b (frequencies, features), A (M, frequencies, features) and a (M, features).

    Features are those that have cosines, and M the outputs of each beside itself.
    """

    w: Array
    b: Array
    A: Array
    a: Array


class Periodic(StageType):
    """Cosines of frequencies and phases that each feature has of its own, mixed, behind the features."""

    kind: ClassVar[str] = "periodic"

    def forward(self, view: View) -> tuple[Array, Array]:
        """The features, and the mixed cosines."""
        own = _parts(view, view.parameters)
        mixed = np.einsum("nkf,mkf->nmf", _cos(_turns(view)), own.A) + own.a
        return np.concatenate([view.x, _flat(mixed)], axis=1), NOTHING

    def backward(self, view: View, y: Array, grad: Array) -> Array:
        """Of the feature itself, and through all its cosines."""
        w = _parts(view, view.parameters).w
        dx = grad[:, : view.stage.inputs].copy()
        dx[:, _columns(view)] += np.einsum("nkf,kf->nf", _turn_gradients(view, grad), w)
        return dx

    def parameter_gradients(self, view: View, grad: Array) -> Parameters:
        """Sums over the samples."""
        dt, dy = _turn_gradients(view, grad), _by_outputs(view, grad)
        dA = np.einsum("nmf,nkf->mkf", dy, _cos(_turns(view))).reshape(-1, view.stage.weight_columns)
        dw = np.einsum("nkf,nf->kf", dt, view.x[:, _columns(view)])
        return Parameters(np.concatenate([dw, dt.sum(axis=0), dA, dy.sum(axis=0)]), None)

    def directional(
        self, backend: Backend, view: View, change: Parameters, dx: Array | None, partner: Array | None
    ) -> Rows:
        """Change of each part, and of x."""
        own, moved = _parts(view, view.parameters), _parts(view, change)
        turns, steps = _turns(view), np.zeros_like(view.x) if dx is None else dx
        x, dx_embedded = (values[:, None, _columns(view)] for values in (view.x, steps))
        dt = x * moved.w + moved.b + dx_embedded * own.w
        mixed = np.einsum("nkf,mkf->nmf", _cos_slope(turns) * dt, own.A)
        mixed += np.einsum("nkf,mkf->nmf", _cos(turns), moved.A) + moved.a
        y, _ = self.forward(view)
        return Rows(y, np.concatenate([steps, _flat(mixed)], axis=1))


def _parts(view: View, parameters: Parameters) -> _Parts:
    stage, weight = view.stage, parameters.weight
    mixed = (stage.outputs - stage.inputs) // stage.weight_columns
    k = (stage.rows - mixed) // (2 + mixed)
    w, b, A, a = np.split(weight, [k, 2 * k, stage.rows - mixed])
    return _Parts(w, b, A.reshape(mixed, k, -1), a)


def _columns(view: View) -> slice | list[int]:
    return list(view.stage.columns) or slice(None)


def _flat(mixed: Array) -> Array:
    return mixed.reshape(len(mixed), -1)


def _by_outputs(view: View, grad: Array) -> Array:
    """Of what is mixed: (samples, outputs of each feature, features)."""
    return grad[:, view.stage.inputs :].reshape(len(view.x), -1, view.stage.weight_columns)


def _turns(view: View) -> Array:
    """The numbers x * w + b, (samples, frequencies, features), rounded once, without whole turns."""
    own = _parts(view, view.parameters)
    turns = (view.x[:, None, _columns(view)].astype(np.float64) * own.w + own.b).astype(view.x.dtype)
    rest: Array = turns - np.rint(turns)
    return rest


def _cos(turns: Array) -> Array:
    return np.cos(2 * np.pi * turns.astype(np.float64)).astype(turns.dtype)


def _cos_slope(turns: Array) -> Array:
    """Its derivative by the turns."""
    return (-2 * np.pi * np.sin(2 * np.pi * turns.astype(np.float64))).astype(turns.dtype)


def _turn_gradients(view: View, grad: Array) -> Array:
    """The gradient of x * w + b."""
    dz = np.einsum("nmf,mkf->nkf", _by_outputs(view, grad), _parts(view, view.parameters).A)
    dt: Array = _cos_slope(_turns(view)) * dz
    return dt
