"""The specification of the stages other than dense ones: what each does to a batch, and its gradient."""

from __future__ import annotations

import numpy as np

from ..._checks import Array
from ..data import Parameters, StepKey
from ..protocol import Stage
from .formulas import quiet
from .random import key_of, philox

# What the draws are for is a part of the counter, with the layer's number added.
_DROPOUT, _JOIN, _POOL = 0x64000000, 0x6A000000, 0x70000000
_UNIT = 2**32


def _words(stream: int, stage: Stage, draws: StepKey) -> int:
    """The first random word of a stage in a step."""
    step = draws.step & 0xFFFFFFFF
    counter = (0, draws.step >> 32 & 0xFFFFFFFF, step, stream + stage.number)
    return int(philox(counter, key_of(draws.seed))[0])


def dropout_factors(stage: Stage, samples: int, dtype: np.dtype, draws: StepKey) -> Array:
    """0 with the probability `rate`, else 1 / (1 - rate), for each element of a batch.

    Column 64 q + 16 w + l takes word w of counter (16 q + l, row, step, stream): dropped below rate * 2**32.
    """
    scale = dtype.type(1 / (1 - stage.rate))
    if stage.mask is not None:
        kept = stage.mask[: samples if len(stage.mask) > 1 else 1]
        return np.broadcast_to(np.where(kept, scale, dtype.type(0)), (samples, stage.outputs))
    blocks = -(-stage.outputs // 64)
    rows, counters = np.arange(samples)[:, None], np.arange(16 * blocks)[None, :]
    step = draws.step & 0xFFFFFFFF
    words = np.stack(
        philox((counters, rows, step, _DROPOUT + stage.number), key_of(draws.seed))
    )  # 4, samples, 16 * blocks
    columns = words.reshape(4, samples, blocks, 16).transpose(1, 2, 0, 3).reshape(samples, -1)
    kept = columns[:, : stage.outputs] >= int(stage.rate * _UNIT)
    factors: Array = np.where(kept, scale, dtype.type(0))
    return factors


def joined(stage: Stage, draws: StepKey) -> bool:
    """Whether the layers beside a shortcut take part in a step."""
    return _words(_JOIN, stage, draws) >= int(stage.rate * _UNIT)


@quiet
def join(fork: Array, x: Array, scale: float) -> Array:
    """Compute fork + scale * x."""
    y: Array = fork + fork.dtype.type(scale) * x
    return y


@quiet
def moments(x: Array) -> Array:
    """Mean and biased variance of each column."""
    mean = x.mean(axis=0)
    return np.stack([mean, np.square(x - mean).mean(axis=0)])


def inverse_deviation(stage: Stage, statistics: Array) -> Array:
    """1 / sqrt(variance + epsilon)."""
    real = statistics.dtype.type
    inverse: Array = real(1) / np.sqrt(statistics[1] + real(stage.epsilon))
    return inverse


@quiet
def batch_norm(stage: Stage, x: Array, statistics: Array, p: Parameters) -> Array:
    """(x - mean) / sqrt(variance + epsilon) * weight + bias."""
    y: Array = (x - statistics[0]) * (p.weight[0] * inverse_deviation(stage, statistics)) + p.bias
    return y


@quiet
def batch_norm_backward(
    stage: Stage, x: Array, statistics: Array, p: Parameters, grad: Array
) -> tuple[Array, Parameters]:
    """Gradients of x, through the statistics too, and of the parameters."""
    inverse = inverse_deviation(stage, statistics)
    normal = (x - statistics[0]) * inverse
    weight, bias = (grad * normal).sum(axis=0), grad.sum(axis=0)
    share = x.dtype.type(1 / len(x))
    dx: Array = p.weight[0] * inverse * (grad - share * (normal * weight + bias))
    return dx, Parameters(weight[None, :], bias)


@quiet
def running(stage: Stage, before: Array, statistics: Array) -> Array:
    """The running statistics after a batch."""
    real = before.dtype.type
    after: Array = real(stage.momentum) * before + real(1 - stage.momentum) * statistics
    return after


@quiet
def max_pieces(stage: Stage, x: Array) -> Array:
    """The largest of the pieces of each output; NaN if one is."""
    largest: Array = x.reshape(len(x), -1, stage.outputs).max(axis=1)
    return largest


@quiet
def max_pieces_backward(stage: Stage, x: Array, y: Array, grad: Array) -> Array:
    """The gradient goes to the first piece that equals the largest."""
    equal = x.reshape(len(x), -1, stage.outputs) == y[:, None, :]
    first = equal & (np.cumsum(equal, axis=1) == 1)
    dx: Array = np.where(first, grad[:, None, :], 0).reshape(x.shape).astype(grad.dtype)
    return dx


def _cuts(n: int, parts: int, offset: int) -> list[int]:
    """Where n pixels are cut into regions: ceil(a (i + u)) - ceil(a u), a = n / parts, u = offset / 2**16."""
    rounded = [-(-n * ((i << 16) + offset) // (parts << 16)) for i in range(parts + 1)]
    return [cut - rounded[0] for cut in rounded]


@quiet
def pool(stage: Stage, x: Array, draws: StepKey | None) -> tuple[Array, Array]:
    """The largest of each region, and its place in the row; of equals the first, of NaNs too."""
    height, width, channels, rows, columns = stage.image
    word = 0x80008000 if draws is None else _words(_POOL, stage, draws)
    down, right = _cuts(height, rows, word >> 16), _cuts(width, columns, word & 0xFFFF)
    images = x.reshape(len(x), height, width, channels)
    places = np.arange(x.shape[1]).reshape(height, width, channels)
    best = np.empty((len(x), rows, columns, channels), dtype=np.intp)
    for i in range(rows):
        for j in range(columns):
            window = np.s_[down[i] : down[i + 1], right[j] : right[j + 1]]
            inside = images[(slice(None), *window)].reshape(len(x), -1, channels)
            chosen = inside.argmax(axis=1)  # NaN counts as the largest
            best[:, i, j] = np.take_along_axis(
                places[window].reshape(1, -1, channels), chosen[:, None, :], axis=1
            )[:, 0]
    where = best.reshape(len(x), -1)
    return np.take_along_axis(x, where, axis=1), where


def pool_backward(stage: Stage, places: Array, grad: Array) -> Array:
    """The gradient goes to the places of the largest."""
    dx = np.zeros((len(grad), stage.inputs), grad.dtype)
    np.put_along_axis(dx, places, grad, axis=1)
    return dx
