"""`Preparation`: rows of a table to a network's inputs, and its outputs to answers. Saved with the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import functional
from ..losses import LOSSES
from ..storage.json_text import located, parsed_json, written_json
from .columns import KINDS, Category, Column, standard
from .described import finite, flag, list_of, require, string
from .table import Array, Table, TableError, numbers, text_of
from .truth import classes_in, known_rows, numbers_in

TASKS = ("classification", "regression", "multilabel")
_VERSION = 2  # 1 was the clipped table of numbers of earlier releases


@dataclass(frozen=True)
class Preparation:
    """How columns become inputs, and outputs become answers.

    Attributes
    ----------
    task : {"classification", "regression", "multilabel"}
    columns : tuple of Column
        The features, fitted to the training rows.
    targets : tuple of str
        Names of the columns that are predicted: one for classes.
    labels : tuple of str, int, float or bool, or None
        The classes in the order of the outputs; None without classes.
    mean, scale : tuple of float
        For a regression, of each target in the training rows.
    named : bool
        Whether the columns had names; otherwise a table with other names is taken by position.
    loss : str or None
        What the network was trained with: softmax gives probabilities.
    """

    task: str
    columns: tuple[Column, ...]
    targets: tuple[str, ...]
    labels: tuple[Any, ...] | None = None
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    named: bool = True
    loss: str | None = None

    @property
    def names(self) -> list[str]:
        """Names of the features."""
        return [column.name for column in self.columns]

    @property
    def width(self) -> int:
        """Number of inputs of the network."""
        return sum(column.width for column in self.columns)

    @property
    def outputs(self) -> int:
        """Number of its outputs."""
        return len(self.labels) if self.labels is not None else len(self.targets)

    def inputs(self, table: Table) -> NDArray[np.float32]:
        """Rows as the network takes them, (rows, width).

        Raises
        ------
        TableError
            If a column is missing, or a cell cannot be used.
        """
        table = table.with_columns(self.names, self.targets, self.named)
        encoded = np.empty((len(table), self.width), dtype=np.float32)
        start = 0
        for column in self.columns:
            with np.errstate(over="ignore"):
                encoded[:, start : start + column.width] = column.encode(table)
            start += column.width
        if not (finite := np.isfinite(encoded).all(axis=1)).all():
            row = int(np.flatnonzero(~finite)[0])
            raise TableError(f"{table.row(row)}: a number is too large for the model")
        return encoded

    def warnings(self, table: Table) -> list[str]:
        """What is odd about a table that can be used: categories that the training rows hardly had."""
        known = [column for column in self.columns if column.name in table.columns]
        return [said for column in known if isinstance(column, Category) and (said := column.unknown(table))]

    def truth(self, table: Table) -> Array:
        """The targets: (rows,) int64 of classes, or (rows, targets) float64 in their units or of 0 and 1.

        Raises
        ------
        TableError
            If a target is missing, not a number, or none of the classes.
        """
        if self.labels is not None:
            return classes_in(table, self.targets[0], self.labels)
        values = numbers_in(table, self.targets)
        if self.task == "multilabel" and not np.isin(values, (0, 1)).all():
            row, which = np.argwhere(~np.isin(values, (0, 1)))[0]
            raise TableError(f"{table.cell(self.targets[which], int(row))} is neither 0 nor 1")
        return values

    def known(self, table: Table) -> NDArray[np.int64]:
        """The rows that have all targets."""
        return known_rows(table, self.targets)

    def y(self, truth: Array) -> Array:
        """Targets as `fit` takes them: those of a regression standardized, as float32."""
        if self.labels is not None:
            return truth
        if self.task == "multilabel":
            return truth.astype(np.float32)
        return np.asarray((truth - np.array(self.mean)) / np.array(self.scale), dtype=np.float32)

    def answers(self, outputs: Array) -> Array:
        """What the outputs mean: (rows,) labels or numbers, or (rows, targets) of several targets."""
        if self.labels is not None:
            labels = np.array(self.labels)
            return np.asarray(labels[outputs.argmax(axis=1)] if len(outputs) else labels[:0])
        if self.task == "multilabel":
            return (outputs > 0).astype(np.int64)
        values = outputs.astype(np.float64) * np.array(self.scale) + np.array(self.mean)
        return np.asarray(values[:, 0] if len(self.targets) == 1 else values)

    def probabilities(self, outputs: Array) -> Array:
        """What the outputs say of each class, or of each label that it is 1.

        Raises
        ------
        ValueError
            For a regression, or a loss whose outputs are no probabilities.
        """
        if self.task == "multilabel":
            return functional.sigmoid(outputs)
        if self.task == "regression" or self.loss not in ("softmax", None):
            trained = "a regression" if self.task == "regression" else f"trained with {self.loss}"
            raise ValueError(f"the model has no probabilities: it is {trained}")
        return functional.softmax(outputs)

    def to_json(self) -> str:
        """As `from_json` reads it."""
        described = {item.name: getattr(self, item.name) for item in fields(self)}
        described["columns"] = [asdict(column) | {"kind": column.kind} for column in self.columns]
        return written_json(described | {"version": _VERSION})

    @classmethod
    def from_json(cls, text: str, inputs: int, outputs: int) -> Preparation:
        """Read `to_json`'s text, which may come from anybody, for a network of these sizes.

        Raises
        ------
        ValueError
            If the text is not a valid preparation, or does not fit the network.
        """
        found = parsed_json(text)
        version = found.get("version") if isinstance(found, dict) else None
        if type(version) is not int or version != _VERSION:
            raise ValueError("it was written by another release of steepest: train the model again")
        if set(found) != {item.name for item in fields(cls)} | {"version"}:
            raise ValueError("the fields are not those of a preparation")
        require(found["task"] in TASKS, "the task is unknown")
        require(type(found["named"]) is bool, "named is not true or false")
        require(found["loss"] is None or string(found["loss"]) in LOSSES, "the loss is unknown")
        columns = tuple(_column(i, value) for i, value in enumerate(list_of(found["columns"])))
        require(len({column.name for column in columns}) == len(columns), "two columns have one name")
        targets, labels = tuple(map(string, list_of(found["targets"]))), None
        names = {*targets, *(column.name for column in columns)}
        require(len(names) == len(targets) + len(columns), "a target is there twice, or is a feature too")
        if found["task"] == "classification":
            labels = tuple(map(_label, list_of(found["labels"])))
            require(len(targets) == 1 and len(set(map(text_of, labels))) == len(labels), "labels repeat")
        else:
            require(found["labels"] is None, "there are labels without classes")
        count = len(targets) if found["task"] == "regression" else 0
        mean, scale = tuple(map(finite, list_of(found["mean"]))), tuple(map(finite, list_of(found["scale"])))
        require(len(mean) == len(scale) == count and all(s > 0 for s in scale), "a scale is missing")
        own = cls(found["task"], columns, targets, labels, mean, scale, found["named"], found["loss"])
        if (own.width, own.outputs) != (inputs, outputs):
            raise ValueError(
                f"it makes {own.width} inputs and reads {own.outputs} outputs, but the network has "
                f"{inputs} and {outputs}"
            )
        return own


def target_scales(table: Table, names: tuple[str, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Means and standard deviations of the targets of a regression."""
    pairs = [standard(table, name, numbers(table, name)) for name in names]
    return tuple(mean for mean, _ in pairs), tuple(scale for _, scale in pairs)


def _column(number: int, value: object) -> Column:
    with located(f"column {number}"):
        return _checked_column(value)


def _checked_column(value: Any) -> Column:
    require(isinstance(value, dict), "it is not described by an object")
    require(string(value.get("kind")) in KINDS, "its kind is unknown")
    kind = KINDS[value["kind"]]
    checks: dict[str, Callable[[Any], Any]] = {
        "name": string,
        "gaps": flag,
        "mean": finite,
        "scale": finite,
    }
    checks["kinds"] = lambda kinds: tuple(map(string, list_of(kinds)))
    own = [item.name for item in fields(kind)]
    if set(value) != {*own, "kind"}:
        raise ValueError(f"one of kind {value['kind']} has other fields")
    column: Column = kind(**{name: checks[name](value[name]) for name in own})
    if isinstance(column, Category):
        require(len(set(column.kinds)) == len(column.kinds), "kinds of a category repeat")
    else:
        require(column.scale > 0, "a scale is not positive")
    return column


def _label(value: object) -> Any:
    return value if isinstance(value, bool | int | str) else finite(value)
