"""Networks, samples and fits that the fuzzers draw."""

from __future__ import annotations

from typing import Any

import numpy as np

import steepest as st

from .draw import Draw
from .settings import (
    ACTIVATIONS,
    AVERAGES,
    CONSTRAINTS,
    COUNT,
    FLAG,
    FRACTION,
    INITIALIZERS,
    LABEL_LOSSES,
    ODD_COUNTS,
    OPTIMIZERS,
    PENALTIES,
    POSITIVE,
    PROBABILITY,
    SEED,
    STOPPING,
    TARGET_LOSSES,
    WIDTHS,
    Returns,
)

NAMES = ["softmax", "hinge", "squared_hinge", "squared_error", "absolute_error", "huber", "poisson"]


def linear(d: Draw, inputs: int, outputs: int) -> Any:
    """A layer that multiplies."""
    sizes = d.setting("in", [inputs]), d.setting("out", [outputs])
    initializer = {"initializer": d.made(INITIALIZERS)} if d.maybe(0.2) else {}
    if d.maybe(0.2):
        return st.Maxout(*sizes, d.setting("pieces", [2, np.int8(3)]), **initializer)
    return st.Linear(*sizes, **d.settings({"bias": FLAG}, 0.3), **initializer)


def follower(d: Draw, width: int) -> list[Any]:
    """What may stand behind a layer of some width, and gives as many features."""
    way = d.random.randrange(7)
    if way == 0:
        return []
    if way == 1:
        return [st.Dropout(d.setting("p", FRACTION))]
    if way == 2:
        norm = {"momentum": FRACTION, "epsilon": POSITIVE}
        return [st.BatchNorm(d.setting("features", [width]), **d.settings(norm)), d.made(ACTIVATIONS)]
    if way == 3:
        return [st.Scale(d.setting("features", [width])), d.made(ACTIVATIONS)]
    if way == 4:
        inside = [linear(d, width, width), d.made(ACTIVATIONS), linear(d, width, width)]
        survival = d.settings({"survival_probability": PROBABILITY})
        return [st.Residual(*inside[: d.choice([1, 2, 3])], **survival)]
    return [d.made(ACTIVATIONS)]


def layers(d: Draw, widths: tuple[int, ...] = WIDTHS, outputs: int | None = None) -> list[Any]:
    """A chain of one to three layers that multiply, of which the last is the chain's."""
    chain, width = [], d.choice(widths)
    if d.maybe(0.1):  # images first
        height, wide, channels = (d.choice([2, 3, 5]) for _ in range(3))
        pool = st.FractionalMaxPool2d(height, wide, channels, d.setting("ratio", [1, 1.5, np.float64(2)]))
        width = pool.out_features
        chain.append(pool)
    elif d.maybe(0.1):
        chain.append(st.BatchNorm(width))
    elif d.maybe(0.1):
        sizes = d.setting("features", [width]), d.setting("frequencies", [1, 5]), d.setting("outputs", [2, 5])
        some = {"std": POSITIVE, "columns": [None, [0], np.arange(0, width, 2)]}
        chain.append(st.PeriodicEmbedding(*sizes, **d.settings(some)))
        width = chain[-1].features_out
    for _ in range(d.random.randrange(3)):
        wider = d.choice(widths)
        chain += [linear(d, width, wider), *follower(d, wider)]
        width = wider
    return [*chain, linear(d, width, outputs or d.choice(widths))]


def model(d: Draw, **options: Any) -> st.Sequential:
    """Of drawn layers; a part of a chain, or in another order, where the draw is odd."""
    chain = layers(d, **options)
    if d.odd():
        d.random.shuffle(chain)
    dtype = d.setting("dtype", [np.float32, np.float64, "float32", np.dtype("f8")])
    return st.Sequential(*chain, dtype=dtype, seed=d.setting("seed", SEED))


def custom(scores: Any, targets: Any) -> tuple[float, Any]:
    """The mean of the squared scores."""
    with np.errstate(over="ignore"):
        return float((scores**2).sum(axis=1).mean()), 2 * scores / len(scores)


BAD_LOSSES = [Returns(None), Returns((1.0, np.ones(1))), Returns((np.nan, 0.0)), Returns(("x", 1j))]


def loss(d: Draw, net: st.Sequential) -> Any:
    """One that the outputs allow, or any where the draw is odd."""
    if d.odd():
        return d.setting("loss", [*NAMES, *BAD_LOSSES, None, 3, st.SGD(), st.SquaredError])
    if d.maybe(0.1):
        return custom
    if d.maybe(0.2):
        return d.choice(NAMES[:3] if net.out_features > 1 and d.maybe() else NAMES[3:])
    chosen = d.made(LABEL_LOSSES if net.out_features > 1 and d.maybe() else TARGET_LOSSES)
    if isinstance(chosen, st.SoftmaxCrossEntropy) and d.maybe(0.3):
        weights = d.array("class_weight", 0.5 + d.numbers.random(net.out_features))
        return st.SoftmaxCrossEntropy(chosen.label_smoothing, weights)
    return chosen


def samples(d: Draw, net: st.Sequential, of: Any, counts: tuple[int, ...] = WIDTHS) -> tuple[Any, ...]:
    """X, y and sample weights or None, that fit a network and a loss."""
    n, k = d.choice(counts), net.out_features
    x = d.floats("X", (n, net.in_features))
    of = st.losses.as_loss(of)
    if of.takes_labels:
        y = d.whole("y", n, k)
    elif isinstance(of, st.BinaryCrossEntropy):
        y = d.whole("y", (n, k), 2)
    elif isinstance(of, st.PoissonDeviance):
        y = d.whole("y", (n, k), 9)
    else:
        y = d.floats("y", (n, k) if k > 1 or d.maybe() else (n,))
    weighted = of.__class__.__name__ != "CustomLoss" and d.maybe(0.3)
    return x, y, d.array("sample_weight", 0.1 + d.numbers.random(n)) if weighted else None


def penalty(d: Draw) -> Any:
    """One of all layers. By layer is `penalties`."""
    return d.made(PENALTIES) if d.maybe(0.4) else None


def penalties(d: Draw, net: st.Sequential) -> Any:
    """One of all layers, or some by their number."""
    places = [i for i, layer in enumerate(net.layers) if isinstance(layer, st.Linear | st.Maxout)]
    if d.maybe(0.8):
        return penalty(d)
    chosen = [place for place in places if d.maybe()] + ([d.choice([-1, 99, "0", 1.0])] if d.odd() else [])
    return {place: penalty(d) for place in chosen}


def trainer(d: Draw, net: st.Sequential, of: Any) -> dict[str, Any]:
    """Settings of a `Trainer`."""
    options = d.settings({"clip_value": POSITIVE, "clip_norm": POSITIVE}, 0.2)
    if d.maybe(0.2):
        options["constraint"] = d.made(CONSTRAINTS)
    if d.maybe(0.2):
        options["averaging"] = d.made(AVERAGES)
    return {"loss": of, "optimizer": d.made(OPTIMIZERS), "penalty": penalties(d, net), **options}


def fit(d: Draw, net: st.Sequential, of: Any) -> dict[str, Any]:
    """Settings of a fit; it ends soon, whatever number of epochs was drawn."""
    options: dict[str, Any] = {
        "epochs": d.setting("epochs", COUNT, [*ODD_COUNTS, 2**63, 2**64]),
        "progress": d.setting("progress", FLAG),
    }
    options["batch_size"] = d.setting("batch_size", [None, 1, 7, np.int16(32), 100])
    options |= d.settings({"shuffle": FLAG, "seed": SEED, "batch_group": COUNT}, 0.3)
    callbacks: list[Any] = [lambda state: state.epoch >= 2]
    if d.maybe(0.2):
        options["batch_callbacks"] = [lambda state: state.step >= 9]
    if d.maybe(0.3):
        x, y, _ = samples(d, net, of)
        options["validation_data"] = x, y
        callbacks += [d.made(STOPPING)] if d.maybe(0.3) else []
        if d.maybe(0.3):
            options["metrics"] = {"size": lambda y, scores: len(scores)}
    return options | {"callbacks": callbacks}
