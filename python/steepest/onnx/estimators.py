"""What estimators answer beyond scores: predictions, and classes by their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from .._checks import Array
from ..losses import BinaryCrossEntropy, PoissonDeviance
from ..tables.ensemble import TableEnsemble
from ..training.model import Model
from .graph import BOOLEAN, DOUBLE, FLOAT, INTEGER, STRING, Graph

_KINDS = {"b": BOOLEAN, "i": INTEGER, "f": DOUBLE, "O": STRING}  # of labels, by the kind of their dtype


@runtime_checkable
class Estimator(Protocol):
    """A network or linear model of `steepest.sklearn`; a classifier has `classes_` too."""

    def to_sequential(self) -> Model:
        """Its layers, arrays and loss."""


@runtime_checkable
class TabularEstimator(Protocol):
    """An estimator of tables."""

    def to_ensemble(self) -> TableEnsemble:
        """Its encodings and networks."""


Exported: TypeAlias = TableEnsemble | Estimator | TabularEstimator  # beside a `Sequential`


def table_of(given: object) -> TableEnsemble | None:
    """What an estimator of tables has fitted, or what a file has; None of anything else."""
    if isinstance(given, TabularEstimator):
        return given.to_ensemble()
    return given if isinstance(given, TableEnsemble) else None


def append_own_answers(graph: Graph, scores: str, model: Model) -> bool:
    """What an estimator answers and a `Sequential` does not, if that is so.

    The numbers that a regressor predicts, or 0 or 1 for each label of multilabel targets.
    """
    loss, outputs = model.loss, model.out_features
    if getattr(loss, "regresses", False):
        means = graph.node("Exp", scores) if isinstance(loss, PoissonDeviance) else scores
        graph.output(means, "predictions", FLOAT, (outputs,))
        return True
    if not isinstance(loss, BinaryCrossEntropy) or outputs == 1:
        return False
    graph.output(graph.node("Sigmoid", scores), "probabilities", FLOAT, (outputs,))
    above = graph.node("Greater", scores, graph.constant(np.float32(0)))
    graph.output(graph.cast(above, INTEGER), "classes", INTEGER, (outputs,))
    return True


def append_classes(graph: Graph, numbers: str, estimator: Any) -> None:
    """Classes by their numbers, or by the labels of an estimator."""
    if estimator is None:
        graph.output(numbers, "classes", INTEGER, ())
    else:
        append_labels(graph, numbers, estimator.classes_)


def append_labels(graph: Graph, numbers: str, classes: Sequence[Any]) -> None:
    """The labels of classes of these numbers.

    Raises
    ------
    ValueError
        If they are neither all strings, nor all numbers, nor all booleans.
    """
    labels = _plain([*classes] * (1 if len(classes) > 1 else 2))  # of a single class, that of both numbers
    graph.output(
        graph.node("Gather", graph.constant(labels), numbers), "classes", _KINDS[labels.dtype.kind], ()
    )


def _plain(classes: Sequence[Any]) -> Array:
    """As one of the types that a file holds."""
    values = [_as_python(each) for each in classes]
    kinds = {type(value) for value in values}
    if kinds == {str}:
        return np.array(values, dtype=object)
    plain = np.array(values)
    if kinds <= {bool} or (kinds <= {int, float} and plain.dtype.kind in "if"):
        return plain
    raise ValueError(
        "labels in an ONNX file are of one kind, strings, integers, floats or booleans, but those of the "
        f"model are {values!r:.80}"
    )


def _as_python(label: Any) -> Any:
    """Numbers and texts of NumPy's as Python's; not dates, which it makes integers if in nanoseconds."""
    return label.item() if isinstance(label, np.generic) and label.dtype.kind not in "mM" else label
