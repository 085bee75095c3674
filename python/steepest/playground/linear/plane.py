"""A linear classifier of points in the plane: its losses, gradients, lines and regions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ... import functional
from ..._checks import Array
from ...layers import Linear
from ...losses import MulticlassHinge, SoftmaxCrossEntropy
from ...model import Sequential
from ...optimizers import SGD
from ...penalties import L2
from ...training.divergence import DivergenceError
from ...training.trainer import Trainer

LOSSES: Mapping[str, MulticlassHinge | SoftmaxCrossEntropy] = {
    "hinge": MulticlassHinge(),
    "squared_hinge": MulticlassHinge(squared=True),
    "softmax": SoftmaxCrossEntropy(),
}
CLASSES = 3
SIDE = 1.2  # the plane is shown from -SIDE to SIDE
LARGEST = 1e9  # of a parameter: beyond it, steps have diverged
_CELLS = 160  # of the picture of regions, along each side
_ARROW = 0.2


def model_of(W: Sequence[Sequence[float]], b: Sequence[float]) -> Sequential:
    """The classifier whose scores are W x + b, with a row of W for each class."""
    model = Sequential(Linear(2, CLASSES), dtype=np.float64)
    model.load_state_dict({"0.weight": np.array(W).T, "0.bias": b})
    return model


def parameters(model: Sequential) -> tuple[Array, Array]:
    """W, with a row for each class, and b."""
    state = model.state_dict()
    return state["0.weight"].T, state["0.bias"]


def stepped(
    model: Sequential, X: Array, y: Array, loss: str, strength: float, rate: float, n: int
) -> list[float]:
    """Take n steps of gradient descent, and return the total loss before each.

    A `DivergenceError` if a parameter grows beyond `LARGEST`; the model is of no use then.
    """
    trainer = Trainer(model, loss=LOSSES[loss], optimizer=SGD(rate), penalty=L2(strength))
    totals = []
    for _ in range(n):
        totals.append(trainer.step(X, y))
        if max(float(np.abs(array).max()) for array in parameters(model)) > LARGEST:
            raise DivergenceError(f"a parameter is beyond {LARGEST:.0e}", learning_rate=rate)
    return totals


def losses(model: Sequential, X: Array, y: Array, strength: float) -> dict[str, dict[str, float]]:
    """The mean data loss, the penalty and their sum, by the name of the loss."""
    found = {}
    for name, loss in LOSSES.items():
        data, _ = model.loss_and_gradients(X, y, loss=loss)
        total, _ = model.loss_and_gradients(X, y, loss=loss, penalty=L2(strength))
        found[name] = {"data": data, "penalty": total - data, "total": total}
    return found


def gradients(model: Sequential, X: Array, y: Array, loss: str, strength: float) -> dict[str, Any]:
    """Those of W and b: of the data loss, of the penalty, and of their sum."""
    _, data = model.loss_and_gradients(X, y, loss=LOSSES[loss])
    _, total = model.loss_and_gradients(X, y, loss=LOSSES[loss], penalty=L2(strength))
    keys = {"W": "0.weight", "b": "0.bias"}
    parts = {
        name: {"data": data[key], "penalty": total[key] - data[key], "total": total[key]}
        for name, key in keys.items()
    }
    return {name: {part: array.T.tolist() for part, array in of.items()} for name, of in parts.items()}


def samples(model: Sequential, X: Array, y: Array, loss: str) -> dict[str, Any]:
    """Scores and loss of each sample, and what its loss is made of, by class: terms, or probabilities."""
    scores, rule = model(X), LOSSES[loss]
    if isinstance(rule, SoftmaxCrossEntropy):
        value, parts = functional.softmax_cross_entropy, functional.softmax(scores)
        each = [value(scores[i : i + 1], y[i : i + 1])[0] for i in range(len(y))]
    else:
        own = np.arange(len(y)), y
        parts = np.maximum(0.0, scores - scores[own][:, np.newaxis] + rule.margin)
        parts = parts**2 if rule.squared else parts
        parts[own] = 0.0
        each = [
            functional.multiclass_hinge(
                scores[i : i + 1], y[i : i + 1], margin=rule.margin, squared=rule.squared
            )[0]
            for i in range(len(y))
        ]
    predicted = scores.argmax(axis=1)
    return {
        "scores": scores.tolist(),
        "losses": [float(value) for value in each],
        "parts": parts.tolist(),
        "predicted": predicted.tolist(),
        "correct": int((predicted == y).sum()),
    }


def regions(model: Sequential) -> Array:
    """The predicted class of each cell of the plane, row by row from the top."""
    at = SIDE * ((2 * np.arange(_CELLS) + 1) / _CELLS - 1)
    x, y = np.meshgrid(at, at[::-1])
    best: Array = model(np.column_stack([x.ravel(), y.ravel()])).argmax(axis=1)
    return best.astype(np.uint8).reshape(_CELLS, _CELLS)


def lines(model: Sequential) -> list[dict[str, Any] | None]:
    """Where each class's score is 0: the ends of that line, and an arrow to its positive side.

    None where the line is outside the plane that is shown.
    """
    W, b = parameters(model)
    return [_line(W[k], float(b[k])) for k in range(CLASSES)]


def _line(w: Array, b: float) -> dict[str, Any] | None:
    size = float(np.hypot(*w))
    if size < 1e-9:
        return None
    normal = w / size
    nearest, along = -b / size * normal, np.array([-normal[1], normal[0]])
    low, high = -math.inf, math.inf  # how far along the line it is inside
    for start, slope in zip(nearest.tolist(), along.tolist(), strict=True):
        if abs(slope) < 1e-12:
            if abs(start) > SIDE:
                return None
            continue
        ends = sorted([(-SIDE - start) / slope, (SIDE - start) / slope])
        low, high = max(low, ends[0]), min(high, ends[1])
    if not low < high:
        return None
    foot = nearest + (0.2 * low + 0.8 * high) * along  # not the middle, where the lines often meet
    return {
        "ends": [(nearest + low * along).tolist(), (nearest + high * along).tolist()],
        "arrow": [foot.tolist(), (foot + _ARROW * normal).tolist()],
    }
