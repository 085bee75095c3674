"""A network, its optimizer and its learning rate, from the options of ``train``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np

from .. import schedules
from .._checks import Array
from ..layers import ACTIVATIONS, BatchNorm, Dropout, Layer, Linear
from ..losses import LOSSES, Loss, SoftmaxCrossEntropy
from ..model import Sequential
from ..optimizers import OPTIMIZERS, SGD, Adam, Optimizer, RMSProp
from ..penalties import L2, Penalty
from ..schedules import Rate
from .errors import UserError

# The losses of each task, its default first. No Poisson deviance: targets of a regression are standardized.
TASK_LOSSES: Mapping[str, tuple[str, ...]] = {
    "classification": ("softmax", "hinge", "squared_hinge", "squared_error"),
    "regression": ("squared_error", "huber", "absolute_error", "log_cosh"),
    "multilabel": ("binary_cross_entropy",),
}
# Rates of SGD for standardized features and momentum 0.9. Hinge and squared error have the steeper slopes. No
# fit diverged with them on tables of 4 to 784 features with 0 to 3 hidden layers; four times the rates do.
SGD_RATES = {"softmax": 0.02, "hinge": 0.005}
SGD_RATE_OF_OTHERS = 0.0025
MOMENTUM = 0.9
ADAM_RATE = 0.003
# Of a network with hidden layers, on such tables better than none; a linear model is fitted without.
PENALTY = L2(3e-4)
SCHEDULES = (
    *("constant", "cosine", "warmup_cosine", "flat_cosine", "cosine_log"),
    *("step", "exponential", "inverse_scaling"),
)
_WARM = 0.05  # of all steps
_LAST = 0.01  # of the first rate, at the end of an exponential schedule


def network(inputs: int, outputs: int, options: Namespace) -> Sequential:
    """Linear layers, each but the last with what the options put behind it."""
    sizes = (inputs, *options.hidden)
    layers: list[Layer] = []
    for before, after in pairwise(sizes):
        layers.append(Linear(before, after, bias=not options.batch_norm))
        if options.batch_norm:
            layers.append(BatchNorm(after))
        layers.append(ACTIVATIONS[options.activation]())
        if options.dropout:
            layers.append(Dropout(options.dropout))
    return Sequential(*layers, Linear(sizes[-1], outputs), seed=options.seed)


def sizes(model: Sequential) -> str:
    """Features of the input and of each linear layer."""
    linear = [layer for layer in model.layers if isinstance(layer, Linear)]
    return "-".join(str(size) for size in (model.in_features, *(layer.out_features for layer in linear)))


def loss_name(task: str, options: Namespace) -> str:
    """The loss that was asked for, if it suits the task, or the task's own."""
    suitable = TASK_LOSSES[task]
    if options.loss is None:
        return suitable[0]
    if options.loss not in suitable:
        raise UserError(f"--loss {options.loss} does not suit a {task}: use {', '.join(suitable)}")
    return str(options.loss)


def loss(name: str, class_weight: Array | None) -> Loss:
    """The loss of that name; only softmax has weights of classes, the rows of others are weighted."""
    if name == "softmax" and class_weight is not None:
        return SoftmaxCrossEntropy(class_weight=class_weight.tolist())
    return LOSSES[name]


def balanced(rows: Array) -> Array:
    """Weights that make the sums of the classes equal, given their rows: 0 for a class without a row."""
    return np.where(rows > 0, rows.sum() / (np.count_nonzero(rows) * np.maximum(rows, 1)), 0.0)


def optimizer(options: Namespace, loss: str, steps: int) -> Optimizer:
    """The optimizer with the rate that it has over this many steps."""
    kind = OPTIMIZERS[options.optimizer]
    own = {}
    if options.momentum is not None:
        if kind not in (SGD, RMSProp):
            raise UserError(f"--momentum does not suit --optimizer {options.optimizer}, but sgd and rmsprop")
        own["momentum"] = options.momentum
    elif kind is SGD:
        own["momentum"] = MOMENTUM
    rate = options.learning_rate
    if rate is None:
        rate = _default_rate(kind, loss)
    return kind(_scheduled(options.schedule, rate, max(steps, 1)), **own)


def penalty(options: Namespace) -> Penalty | None:
    """The penalty that was asked for, or that of the kind of network."""
    if options.penalty is None:
        return PENALTY if options.hidden else None
    return None if options.penalty == "none" else options.penalty


def _default_rate(kind: type[Optimizer], loss: str) -> float:
    if kind is SGD:
        return SGD_RATES.get(loss, SGD_RATE_OF_OTHERS)
    return ADAM_RATE if issubclass(kind, Adam) else float(kind().learning_rate)  # type: ignore[arg-type]


def _scheduled(name: str, rate: float, steps: int) -> Rate:
    warm = max(1, round(_WARM * steps))
    made: dict[str, Callable[[], Rate]] = {
        "constant": lambda: rate,
        "cosine": lambda: schedules.Cosine(rate, steps),
        "warmup_cosine": lambda: schedules.Warmup(warm, schedules.Cosine(rate, max(1, steps - warm))),
        "flat_cosine": lambda: schedules.FlatCosine(rate, steps),
        "cosine_log": lambda: schedules.CosineLog(rate, steps),
        "step": lambda: schedules.Step(rate, every=-(-steps // 3)),
        "exponential": lambda: schedules.Exponential(rate, decay=_LAST ** (1 / steps)),
        "inverse_scaling": lambda: schedules.InverseScaling(rate),
    }
    return made[name]()
