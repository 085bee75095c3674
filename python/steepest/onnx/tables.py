"""The mean of networks on a table of numbers: its columns encoded, its members, what they mean together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..tables.encoding import LARGEST, Encoding, Scaled
from ..tables.ensemble import TableEnsemble
from ..tables.members import Classes, Numbers
from .estimators import append_labels
from .graph import DOUBLE, FLOAT, Graph
from .nodes import append_layers, some_columns


def table_graph(ensemble: TableEnsemble) -> Graph:
    """From columns of numbers, NaN for a gap, to "predictions", or "probabilities" and "classes".

    Raises
    ------
    TypeError
        If a column is of categories or dates.
    """
    graph = Graph("X", len(ensemble.encodings))
    inputs = _inputs(graph, ensemble.encodings)
    answers = []
    for member in ensemble.members:
        scores = append_layers(graph, inputs, member.layers, member.compiled.copied_state())
        answers.append(_answer(graph, graph.cast(scores, DOUBLE), ensemble.answers))
    total = graph.node("Sum", *answers)
    mean = graph.node("Div", total, graph.constant(np.float64(len(answers))))
    if isinstance(ensemble.answers, Numbers):
        outputs = len(ensemble.answers.mean)
        graph.output(graph.cast(mean, FLOAT), "predictions", FLOAT, (outputs,))
        return graph
    labels = ensemble.answers.labels
    graph.output(graph.cast(mean, FLOAT), "probabilities", FLOAT, (len(labels),))
    append_labels(graph, graph.node("ArgMax", mean, axis=1, keepdims=0), labels)
    return graph


def _inputs(graph: Graph, encodings: Sequence[Encoding]) -> str:
    """What `tables.encoding.inputs_of` makes: of each column its scaled number, and whether it is a gap."""
    numbers: list[Scaled] = []
    for encoding in encodings:
        if not isinstance(encoding, Scaled):
            raise TypeError(
                f"column {encoding.name!r} is of the kind {encoding.kind!r}, but only tables of numbers have "
                "a form in ONNX"
            )
        numbers.append(encoding)
    varying = np.flatnonzero([each.scale > 0 for each in numbers])
    gaps = np.flatnonzero([each.gaps for each in numbers])
    parts = []
    if len(varying):
        parts.append(_scaled(graph, some_columns(graph, "X", varying), [numbers[place] for place in varying]))
    if len(gaps):
        parts.append(graph.cast(graph.node("IsNaN", some_columns(graph, "X", gaps)), FLOAT))
    if not parts:  # no column has an input: one of zeros, as of no number that there is
        return graph.cast(
            graph.node("Less", some_columns(graph, "X", np.array([0])), _number(graph, -np.inf)), FLOAT
        )
    places = np.argsort(np.concatenate([2 * varying, 2 * gaps + 1]))  # of a column the number comes first
    return some_columns(graph, graph.node("Concat", *parts, axis=1), places)


def _scaled(graph: Graph, x: str, encodings: Sequence[Scaled]) -> str:
    """Write z / sqrt(1 + (z / 3)**2) of z = (x - median) / scale, in float64; 0 for a gap."""
    medians, scales = (
        graph.constant(np.array([getattr(each, name) for each in encodings], np.float64))
        for name in ("median", "scale")
    )
    z = graph.node("Div", graph.node("Sub", graph.cast(x, DOUBLE), medians), scales)
    limit = graph.constant(np.float64(LARGEST))
    z = graph.node("Max", graph.node("Min", z, limit), graph.node("Neg", limit))
    third = graph.node("Div", z, graph.constant(np.float64(3)))
    root = graph.node(
        "Sqrt", graph.node("Add", graph.node("Mul", third, third), graph.constant(np.float64(1)))
    )
    clipped = graph.cast(graph.node("Div", z, root), FLOAT)
    return graph.node("Where", graph.node("IsNaN", x), _number(graph, 0), clipped)


def _answer(graph: Graph, scores: str, meaning: Classes | Numbers) -> str:
    """What `tables.members` makes of the scores of one member."""
    if isinstance(meaning, Classes):
        return graph.node("Softmax", graph.node("Div", scores, _row(graph, [meaning.temperature])), axis=1)
    numbers = graph.node("Mul", scores, _row(graph, meaning.scale))
    numbers = graph.node("Add", numbers, _row(graph, meaning.mean))
    return graph.node(
        "Max", graph.node("Min", numbers, _row(graph, meaning.highest)), _row(graph, meaning.lowest)
    )


def _row(graph: Graph, values: Sequence[float]) -> str:
    return graph.constant(np.array(values, np.float64))


def _number(graph: Graph, value: float) -> str:
    return graph.constant(np.float32(value))
