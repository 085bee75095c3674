"""`to_onnx`: a model as an ONNX file, which runtimes in other languages and on other devices read."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np

from .._version import __version__
from ..storage.atomic import replacing
from ..training.answers import exported
from ..training.model import Model, checked_model
from .estimators import Estimator, Exported, append_classes, append_own_answers, table_of
from .graph import FLOAT, INTEGER, Graph
from .nodes import append_layers
from .tables import table_graph

__all__ = ["to_onnx"]

_OPSET = 20  # with GELU; ONNX 1.15, of October 2023
_IR_VERSION = 9  # of the same release


def to_onnx(model: Model | Exported, path: str | PathLike[str]) -> None:
    """Write a model as an ONNX file.

    Its input "X", (rows, in_features), is float32, and so is its output "scores", which are what ``model(X)``
    gives. After a fit with softmax or binary cross-entropy it also has "probabilities", those of
    `Sequential.predict_proba`, and after each fit to classes "classes", (rows,) int64, those of
    `Sequential.predict`.

    Of an estimator of `steepest.sklearn` the scores are those of its `to_sequential`, "probabilities" those
    of `predict_proba` and "classes" those of `predict`: (rows,) labels as int64, strings, float64 or
    booleans, or of multilabel targets (rows, labels) int64 of 0 and 1. A regressor has "predictions",
    (rows, outputs). So do estimators of tables, without scores: "X" has their columns, NaN in a gap.

    Parameters
    ----------
    model : Sequential, TableEnsemble or estimator
        One that begins with `Standardize` or `PiecewiseLinear` must have been fitted. Estimators are
        `MLPClassifier`, `MLPRegressor`, `LinearClassifier`, `LinearRegressor`, `TabularClassifier` and
        `TabularRegressor`, the last two of tables whose columns are numbers.
    path : path
        It is replaced in one step after everything is written.

    Raises
    ------
    ImportError
        If the package onnx is not installed.
    TypeError
        If `model` is none of these, or a column of a table has categories or dates.
    ValueError
        If a layer has no form in ONNX, `FractionalMaxPool2d`, or the model was not fitted, or its labels are
        not all of one of these kinds.
    OSError
        If the file cannot be written.

    Notes
    -----
    Runtimes compute in float32 whatever the model's dtype, in their own order and with their own functions:
    scores agree within some 1e-5 of their size. Inputs are standardized and encoded in float64, as here.
    Dropout is left out, and batch normalization uses its running statistics.

    Examples
    --------
    >>> import tempfile
    >>> import onnxruntime
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons()
    >>> model = st.Sequential(st.Standardize(), st.Linear(2, 8), st.ReLU(), st.Linear(8, 2))
    >>> history = model.fit(X, y, epochs=5, progress=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     st.to_onnx(model, f"{folder}/moons.onnx")
    ...     session = onnxruntime.InferenceSession(f"{folder}/moons.onnx")
    >>> (classes,) = session.run(["classes"], {"X": X.astype("float32")})
    >>> bool((classes == model.predict(X)).all())
    True
    """
    try:
        from onnx import checker
    except ImportError as error:
        raise ImportError("to_onnx needs onnx, which is missing: pip install 'steepest[onnx]'") from error
    made = _graph(model).model(_OPSET, _IR_VERSION, __version__)
    checker.check_model(made, full_check=True)
    with replacing(path) as file:
        file.write(made.SerializeToString())


def _graph(given: Any) -> Graph:
    if (table := table_of(given)) is not None:
        return table_graph(table)
    estimator = given if isinstance(given, Estimator) else None
    model: Model = checked_model(given if estimator is None else estimator.to_sequential())
    model.compiled.check_inputs()
    graph = Graph("X", model.in_features)
    scores = append_layers(graph, "X", model.layers, model.compiled.copied_state())
    graph.output(scores, "scores", FLOAT, (model.out_features,))
    if estimator is None or not append_own_answers(graph, scores, model):
        _append_answers(graph, scores, model, estimator)
    return graph


def _append_answers(graph: Graph, scores: str, model: Model, estimator: object) -> None:
    """Probabilities and classes, as far as the loss makes some of the scores."""
    answers = exported(model.compiled, model.loss)
    if answers is None:
        return
    if answers.link is not None:
        made = (
            graph.node("Sigmoid", scores)
            if answers.link == "sigmoid"
            else graph.node("Softmax", scores, axis=1)
        )
        if model.out_features == 1:
            other = graph.node("Sub", graph.constant(np.float32(1)), made)
            made = graph.node("Concat", other, made, axis=1)
        graph.output(made, "probabilities", FLOAT, (answers.classes,))
    if answers.threshold is None:
        classes = graph.node("ArgMax", scores, axis=1, keepdims=0)
    else:
        above = graph.node("Greater", scores, graph.constant(np.float32(answers.threshold)))
        classes = graph.node("Squeeze", graph.cast(above, INTEGER), graph.constant(np.array([1])))
    append_classes(graph, classes, estimator)
