"""The recipe of a member: its layers, initial weights, optimizer, learning rates and length.

After RealMLP of Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted
trees on tabular data", NeurIPS 2024 (arXiv 2407.04491): the neural tangent parametrization. Weights are
drawn from N(0, 1 / inputs), biases from N(0, 1), and both learn at a rate that is divided by sqrt(inputs).
Rates are 1.4 times those of their RealMLP-TD-S, for batches of half as many rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..._checks import Array
from ...layers import SELU, Dropout, Layer, Linear, Mish, PeriodicEmbedding, PiecewiseLinear
from ...losses import Loss, SoftmaxCrossEntropy, SquaredError
from ...model import Sequential
from ...optimizers import AdamW
from ...schedules import CosineLog
from .knots import Floats

BATCH = 128  # with 256, and rates for them, a fit takes 1.5 to 2 times as long: docs/tables.md
BINS, MOST_RAMPS = 16, 8192
WEIGHT_DECAY = 0.1
_STEPS, _ROWS, _GROWTH = 1000, 4000, 0.75  # so many steps; for more rows more, by that power of their number
_FEWEST_EPOCHS, _MOST_EPOCHS = 8, 256
_PERIODIC_RATE = 0.1  # of its parameters, beside that of a layer with one input
MOST_TRIED = 128  # inputs: of more, cosines won the trial and lost on other rows (R2 on ames .905 of .922)
CYCLES_TRIED, TIME_TRIED = 3, 0.3  # and the part of the time that the trial may take
CYCLES = 4  # of the learning rate, each twice as long as the one before


@dataclass(frozen=True)
class Recipe:
    """What differs between classes and numbers.

    rate: that of a layer with one input; the highest one of the schedule.
    """

    activation: Layer
    rate: float
    loss: Loss


def of_classes(label_smoothing: float) -> Recipe:
    """SELU and softmax."""
    return Recipe(SELU(), 0.056, SoftmaxCrossEntropy(label_smoothing))


def of_numbers() -> Recipe:
    """Mish and the squared error."""
    return Recipe(Mish(), 0.1, SquaredError())


def network(
    knots: Sequence[Floats],
    cosines: Sequence[int],
    hidden: Sequence[int],
    outputs: int,
    dropout: float,
    recipe: Recipe,
    seed: int,
) -> Sequential:
    """With initial weights; the last layer is 0, so that training begins with a constant answer.

    knots: of each input those of its ramps; empty where it has none. cosines: the inputs that have cosines;
    then none has ramps.
    """
    first: PeriodicEmbedding | PiecewiseLinear | None = None
    if cosines:
        first = PeriodicEmbedding(len(knots), columns=cosines)
    elif any(map(len, knots)):
        bins = [max(len(own) - 1, 0) for own in knots]
        first = PiecewiseLinear(len(knots), bins, keep_features=True)
    layers: list[Layer] = [first] if first else []
    sizes = [first.features_out if first else len(knots), *hidden]
    for fan_in, fan_out in pairwise(sizes):
        layers += [Linear(fan_in, fan_out), recipe.activation]
        layers += [Dropout(dropout)] if dropout else []
    model = Sequential(*layers, Linear(sizes[-1], outputs), seed=seed)
    generator = np.random.Generator(np.random.PCG64(seed))
    state = model.state_dict()
    if "0.knots" in state:
        state["0.knots"] = np.concatenate(knots)
    *others, last = linear_layers(model)
    for key in (f"{last}.weight", f"{last}.bias"):
        state[key] = np.zeros_like(state[key])
    for number in others:
        fan_in, fan_out = state[f"{number}.weight"].shape
        weight, bias = generator.standard_normal((fan_in, fan_out)), generator.standard_normal(fan_out)
        state[f"{number}.weight"] = np.asarray(weight / math.sqrt(fan_in))
        state[f"{number}.bias"] = np.asarray(bias)
    model.load_state_dict(state)
    return model


def bins_of(numbers: int) -> int:
    """Of each of so many numbers; below 2 they have no ramps."""
    return min(BINS, MOST_RAMPS // max(numbers, 1))


def linear_layers(model: Sequential) -> dict[int, Linear]:
    """By their numbers."""
    return {number: layer for number, layer in enumerate(model.layers) if isinstance(layer, Linear)}


def scale_outputs(model: Sequential, factors: Array, shifts: Array) -> None:
    """Multiply each score by a factor, and add a shift."""
    state, last = model.state_dict(), max(linear_layers(model))
    state[f"{last}.weight"] = state[f"{last}.weight"] * factors
    state[f"{last}.bias"] = state[f"{last}.bias"] * factors + shifts
    model.load_state_dict(state)


def rate_factors(model: Sequential) -> dict[int, float]:
    """Of each linear layer 1 / sqrt(inputs), and that of cosines."""
    periodic = isinstance(model.layers[0], PeriodicEmbedding)
    factors = {number: layer.in_features**-0.5 for number, layer in linear_layers(model).items()}
    return {0: _PERIODIC_RATE, **factors} if periodic else factors


def optimizer(recipe: Recipe, weight_decay: float, steps: int) -> AdamW:
    """For a fit of so many steps."""
    return AdamW(CosineLog(recipe.rate, steps, CYCLES), 0.9, 0.95, weight_decay=weight_decay)


def batches(rows: int) -> tuple[int, int]:
    """How many of an epoch, and rows of each; the last one is at least half full, or its noise would tell."""
    size = next(size for size in range(min(BATCH, rows), 0, -1) if -rows % size <= size // 2)
    return -(-rows // size), size


def epochs(rows: int, max_steps: int | None) -> int:
    """How many to train for on so many rows."""
    count, _ = batches(rows)
    if max_steps is not None:
        return max(1, max_steps // count)
    steps = _STEPS * max(1.0, rows / _ROWS) ** _GROWTH
    return min(max(math.ceil(steps / count), _FEWEST_EPOCHS), _MOST_EPOCHS)


def cycle_ends(epochs: int) -> list[int]:
    """After how many epochs each cycle of the learning rate has ended."""
    return [math.ceil(epochs * (2**k - 1) / (2**CYCLES - 1)) for k in range(1, CYCLES + 1)]
