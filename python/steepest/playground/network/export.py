"""The Python program that does with steepest what the page did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...layers import Layer, Residual
from . import parts
from .run import Run

_PROGRAM = '''\
"""{what}"""
{paths}
import steepest as st
from steepest.playground.network import plane, scores{more}

samples = {samples}
X = plane.inputs(samples.X, {inputs!r})
loss = st.{loss}
y, outputs = scores.targets(loss, samples.y, classes={classes})
test = plane.split(samples.y, {test_share!r}, seed={data_seed}, labelled={labelled})

model = st.Sequential(
{layers}
    seed={seed},
)
trainer = st.Trainer(
    model,
    loss=loss,
    optimizer=st.{optimizer},{penalty}
)
{loop}trainer.fit(X[~test], y[~test], epochs={at_once}, batch_size={batch_size}, progress=False)

for name, part in [("training", ~test), ("test", test)]:
    if part.any():
        print(name, "loss", model.evaluate(X[part], y[part], metrics=[])["loss"])
'''


_EXACT = "What the playground of steepest did: the same data, network and training, to the last bit."
_INEXACT = """\
What the playground of steepest did, but from the initial weights and with the last settings alone.

There, weights were typed, or a rate or batch size was changed on the way: the numbers differ.
"""


def program(chosen: Mapping[str, Any], run: Run, read: str, exact: bool) -> str:
    """Its text.

    Parameters
    ----------
    chosen, run
        The settings, and what they have come to.
    read : str
        The expression that reads the table, where the data come from one.
    exact : bool
        Whether the settings alone led there.
    """
    data = chosen["data"]
    more = ", table" if data["name"] == "table" else ""
    loss = chosen["loss"]
    penalty = ""
    if chosen["penalty"] is not None:
        shown = parts.code(parts.PENALTIES, chosen["penalty"], strength=repr(chosen["strength"]))
        penalty = f"\n    penalty=st.{shown},"
    return _PROGRAM.format(
        what=_EXACT if exact else _INEXACT,
        more=more,
        paths="\nfrom pathlib import Path\n" if more else "",
        samples=_samples(data, read),
        inputs=chosen["inputs"],
        classes=run.classes,
        test_share=chosen["test_share"],
        data_seed=data["seed"],
        labelled=bool(run.classes),
        layers="\n".join(f"    {_layer(layer)}," for block in run.blocks for layer in block),
        seed=chosen["seed"],
        loss=parts.code(parts.LOSSES, loss),
        optimizer=parts.code(parts.OPTIMIZERS, chosen["optimizer"], learning_rate=_rate(chosen)),
        penalty=penalty,
        loop=f"for epoch in range({run.epochs}):\n    " if run.epochs else "",
        at_once=min(run.epochs, 1),  # none: the units of a Standardize alone
        batch_size=chosen["batch_size"],
    )


def _layer(layer: Layer) -> str:
    if isinstance(layer, Residual):
        return f"st.Residual({', '.join(map(_layer, layer.layers))})"
    return f"st.{layer!r}"


def _samples(data: Mapping[str, Any], read: str) -> str:
    if data["name"] == "drawn":
        points = ",\n    ".join(map(repr, data["points"]))
        return f"plane.drawn([\n    {points},\n])"
    if data["name"] == "table":
        return f"table.samples({read}, {data['target']!r}, {data['axes']!r}, seed={data['seed']})"
    return f"plane.samples({data['name']!r}, {data['samples']}, noise={data['noise']!r}, seed={data['seed']})"


def _rate(chosen: Mapping[str, Any]) -> str:
    rate = repr(chosen["learning_rate"])
    if (schedule := chosen["schedule"]) is None:
        return rate
    return "st.schedules." + parts.code(parts.SCHEDULES, schedule, **{parts.rate_argument(schedule): rate})
