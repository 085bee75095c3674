"""The mean of networks on a table of numbers: its columns encoded, its members, what they mean together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..tables.encoding import LARGEST, Encoding, Scaled, as_codes
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
    """What `tables.encoding.inputs_of` makes: of each column its scaled number, codes, and if it is a gap."""
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
    coded = np.repeat(np.arange(len(numbers)), [len(each.codes) for each in numbers])
    parts = []
    if len(varying):
        parts.append(_scaled(graph, some_columns(graph, "X", varying), [numbers[place] for place in varying]))
    if len(coded):
        codes = as_codes(np.array([[code for each in numbers for code in each.codes]]))
        own = some_columns(graph, "X", coded)
        parts.append(graph.cast(graph.node("Equal", own, graph.constant(codes)), FLOAT))
    if len(gaps):
        parts.append(graph.cast(graph.node("IsNaN", some_columns(graph, "X", gaps)), FLOAT))
    if not parts:  # no column has an input: one of zeros, as of no number that there is
        return graph.cast(
            graph.node("Less", some_columns(graph, "X", np.array([0])), _number(graph, -np.inf)), FLOAT
        )
    order = np.concatenate([3 * varying, 3 * coded + 1, 3 * gaps + 2])  # of a column the number comes first
    places = np.argsort(order, kind="stable")
    return some_columns(graph, graph.node("Concat", *parts, axis=1), places)


def _scaled(graph: Graph, x: str, encodings: Sequence[Scaled]) -> str:
    """Write z / sqrt(1 + (z / 3)**2) or asinh(z) of z = (x - median) / scale, in float64; 0 for a gap."""
    medians, scales = (
        graph.constant(np.array([getattr(each, name) for each in encodings], np.float64))
        for name in ("median", "scale")
    )
    z = graph.node("Div", graph.node("Sub", graph.cast(x, DOUBLE), medians), scales)
    limit = graph.constant(np.float64(LARGEST))
    z = graph.node("Max", graph.node("Min", z, limit), graph.node("Neg", limit))
    one = graph.constant(np.float64(1))
    third = graph.node("Div", z, graph.constant(np.float64(3)))
    scaled = graph.node("Div", z, _root(graph, third, one))
    if any(each.tails for each in encodings):
        # Of float64, runtimes have no asinh.
        size = graph.node("Abs", z)
        logarithm = graph.node("Log", graph.node("Add", size, _root(graph, z, one)))
        tails = graph.constant(np.array([each.tails for each in encodings]))
        scaled = graph.node("Where", tails, graph.node("Mul", graph.node("Sign", z), logarithm), scaled)
    scaled = graph.cast(scaled, FLOAT)
    return graph.node("Where", graph.node("IsNaN", x), _number(graph, 0), scaled)


def _root(graph: Graph, z: str, one: str) -> str:
    """Write sqrt(z**2 + 1)."""
    return graph.node("Sqrt", graph.node("Add", graph.node("Mul", z, z), one))


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
