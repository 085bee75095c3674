"""``steepest predict``: one answer per row of a table."""

from __future__ import annotations

import csv
import io
import sys
from argparse import Namespace
from collections.abc import Iterable

import numpy as np

from .._checks import Array
from ..ensemble import Ensemble
from ..model import Sequential
from ..storage.atomic import replacing
from ..tables import Table, TableEnsemble, TableModel, numbers, text_of
from ..tables.table import shortest
from . import sources
from .errors import UserError
from .judging import Answering
from .output import STANDARD, check_output, note, warn


def predict(options: Namespace) -> None:
    """Write the answers."""
    output = options.output or STANDARD
    check_output(output, options.force, options.model, options.file)
    model = sources.model(options.model)
    table = sources.table(options.file, options)
    for said in table.notes:
        note(said)
    columns = {name: _texts(table.column(name)) for name in sources.names(options.keep, table) or ()}
    columns |= _answers(model, table, options)
    lines: list[Iterable[str]] = [list(columns), *zip(*columns.values(), strict=True)]
    if output == STANDARD:
        # Row by row: a large single write to an unbuffered stdout that is closed early would not be an error.
        csv.writer(sys.stdout, lineterminator="\n").writerows(lines)
        return
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    with replacing(output) as file:
        file.write(text.getvalue().encode())


def _answers(
    model: Sequential | Ensemble | TableModel | TableEnsemble, table: Table, options: Namespace
) -> dict[str, list[str]]:
    """The columns of answers."""
    if isinstance(model, Sequential | Ensemble):
        if options.probabilities:
            raise UserError(f"{options.model}: --probabilities needs a network that steepest train saved")
        return {"prediction": _bare(model, table)}
    answering = Answering.of(model)
    for said in answering.warnings(table):
        warn(said)
    outputs = answering.outputs(table)
    answers = answering.answers(outputs)
    names = ["prediction"]
    if answers.ndim == 2:
        names = list(answering.targets) or [f"prediction_{i}" for i in range(answers.shape[1])]
    found = {name: _texts(column) for name, column in zip(names, np.atleast_2d(answers.T), strict=True)}
    if options.probabilities:
        try:
            probabilities = answering.probabilities(outputs)
        except ValueError as error:
            raise UserError(f"{options.model}: --probabilities: {error}") from None
        labels = answering.targets if answering.labels is None else answering.labels
        for label, column in zip(labels, probabilities.T, strict=True):
            found[f"probability_{text_of(label)}"] = [f"{value:.6g}" for value in column.tolist()]
    return found


def _texts(values: Array) -> list[str]:
    """Cells of CSV."""
    return ["" if value is None else str(text_of(value) or "") for value in shortest(values).tolist()]


def _bare(model: Sequential | Ensemble, table: Table) -> list[str]:
    """Of a model without labels and units: the index of the class, or the output if it has one only."""
    if len(table.columns) != model.in_features:
        raise UserError(
            f"{table.name} has {len(table.columns)} columns, but the model takes {model.in_features}"
        )
    try:
        X = np.column_stack([numbers(table, name) for name in table.columns])
        outputs = model(X) if model.out_features == 1 else model.predict(X)
    except ValueError as error:  # a gap, or a number too large for the model's dtype
        raise UserError(f"{table.name}: {error}") from None
    if model.out_features == 1:
        return [repr(value) for value in outputs[:, 0].tolist()]
    return [str(index) for index in outputs.tolist()]
