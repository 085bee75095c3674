"""`TableEnsemble`: the mean of networks on an encoded table, and its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import storage
from .._checks import Array
from ..ensemble import restored_models, write
from ..model import Sequential
from ..storage.json_text import located
from .encoding import Encoding, OneHot
from .ensemble_json import METADATA_KEY, from_json, to_json
from .frames import Coded, columns_in, columns_named, is_frame, read, values_of
from .members import Classes, Numbers, mean_of, some_inputs
from .reading import table_of_frame
from .table import Table, TableError, table_of_dicts
from .truth import classes_in, columns_given, measured, numbers_in


@dataclass(frozen=True)
class TableEnsemble:
    """Networks on a table as it is: what `TabularClassifier.save` and `TabularRegressor.save` write.

    ``steepest train --model tabular`` does too, and `steepest.load` reads it. It gives the same answers as
    the estimator, and needs no scikit-learn.

    Parameters
    ----------
    encodings : tuple
        How each column becomes inputs.
    members : tuple of Sequential
        The networks.
    answers : Classes or Numbers
        What scores mean.
    named : bool
        Whether columns have names, by which they are found in a frame.
    targets : tuple of str
        Names of the columns that are predicted, if they are known.
    metadata : mapping of str to str
        More strings to save beside it.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import steepest as st
    >>> from steepest.sklearn import TabularRegressor
    >>> X = np.linspace(0, 1, 50)[:, np.newaxis]
    >>> estimator = TabularRegressor(max_steps=50, random_state=0).fit(X, X[:, 0] ** 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     estimator.save(f"{folder}/square.safetensors")
    ...     model = st.load(f"{folder}/square.safetensors")
    >>> model, bool((model.predict(X) == estimator.predict(X)).all())
    (TableEnsemble(4 networks, regression from 1 columns), True)
    """

    encodings: tuple[Encoding, ...]
    members: tuple[Sequential, ...]
    answers: Classes | Numbers
    named: bool
    targets: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def task(self) -> str:
        """What it does: classification or regression."""
        return "classification" if isinstance(self.answers, Classes) else "regression"

    @property
    def classes(self) -> list[Any] | None:
        """The labels in the order of the probabilities; None without classes."""
        return list(self.answers.labels) if isinstance(self.answers, Classes) else None

    @property
    def target_names(self) -> list[str]:
        """Names of the columns that it predicts; none where they are not known."""
        return list(self.targets)

    @property
    def feature_names(self) -> list[str]:
        """Names of the columns that it takes, in their order."""
        return [encoding.name for encoding in self.encodings]

    def __call__(self, X: Any) -> Array:
        """Return the mean answer of the networks, as `mean` does."""
        return self.mean(X)

    def predict(self, X: Any) -> Array:
        """Return one answer per row.

        Parameters
        ----------
        X : DataFrame of pandas or polars, list of dicts, dict of columns, or array_like, (rows, columns)
            Columns are found by their names, if those of the fit had some.

        Returns
        -------
        ndarray, (rows,) or (rows, targets)
            Labels, or numbers.

        Raises
        ------
        TableError
            If a column is missing, or a cell is not of the kind of its column.
        """
        return self.answers.shown(self.mean(X))

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, (rows, classes).

        Parameters
        ----------
        X : DataFrame of pandas or polars, list of dicts, dict of columns, or array_like, (rows, columns)

        Raises
        ------
        ValueError
            If it predicts numbers.
        """
        if isinstance(self.answers, Numbers):
            raise ValueError("the model has no probabilities: it is a regression")
        return self.mean(X)

    def mean(self, X: Any) -> Array:
        """Return the mean answer of the networks.

        Parameters
        ----------
        X : DataFrame of pandas or polars, list of dicts, dict of columns, or array_like, (rows, columns)

        Returns
        -------
        ndarray of float64, (rows, classes) or (rows, targets)
            Probabilities, or numbers in their units.

        Raises
        ------
        TableError
            As `predict`.
        """
        return mean_of(self.members, some_inputs(self.encodings, self._columns(X)), self.answers)

    def evaluate(self, X: Any, y: ArrayLike | None = None) -> dict[str, float]:
        """Return how good the answers are.

        Parameters
        ----------
        X : DataFrame of pandas or polars, list of dicts, dict of columns, or array_like, (rows, columns)
        y : array_like, (rows,) or (rows, targets), optional
            The right answers; by default the columns of X that are predicted, if their names are known.

        Returns
        -------
        dict
            As of `TableModel.evaluate`.

        Raises
        ------
        TableError
            As `predict`, or if an answer is missing, or a label is none of the classes.
        """
        mean = self.mean(X)
        outputs = 1 if isinstance(self.answers, Classes) else mean.shape[1]
        targets = self.targets or tuple(f"y{i}" for i in range(outputs))
        if y is not None:
            table = Table("y", columns_given(y, len(mean), targets))
        elif self.targets and (found := _table_of(X)) is not None:
            table = found
        else:
            raise TableError("y is needed: X has no columns with the names of those that the model predicts")
        labels = self.classes
        truth = numbers_in(table, targets) if labels is None else classes_in(table, targets[0], labels)
        return measured(self.task, truth, mean)

    def score(self, X: Any, y: ArrayLike | None = None) -> float:
        """Return the accuracy, or R^2 of a regression; see `evaluate`."""
        return self.evaluate(X, y)["r2" if self.task == "regression" else "accuracy"]

    def save(self, path: str | PathLike[str]) -> None:
        """Write it to one safetensors file, which `steepest.load` reads; see `Sequential.save`."""
        with located("the model cannot be saved"):
            own = to_json(self.encodings, self.answers, self.named, self.targets)
            from_json(own, self.members)  # as `load` will
        metadata = {**self.metadata, METADATA_KEY: own}
        write(path, self.members, metadata)

    def __repr__(self) -> str:
        return f"TableEnsemble({len(self.members)} networks, {self.task} from {len(self.encodings)} columns)"

    def _columns(self, X: Any) -> list[Any]:
        X = X if (found := table_of_dicts(X)) is None else found
        if isinstance(X, Table):
            X = X.with_columns(self.feature_names, self.targets, self.named)
            return [X.column(name) for name in self.feature_names]
        if self.named and is_frame(X):
            return columns_named(X, self.feature_names, "the model")
        X = X if is_frame(X) else np.asarray(X, dtype=object if isinstance(X, list | tuple) else None)
        if len(X.shape) != 2 or X.shape[1] != len(self.encodings):
            raise TableError(f"X has shape {X.shape}, but the model takes (rows, {len(self.encodings)})")
        return columns_in(X)


def _table_of(X: Any) -> Table | None:
    """A table whose columns have names; None for an array."""
    if isinstance(X, Table):
        return X
    return table_of_frame(X) if is_frame(X) else table_of_dicts(X)


def unknown_in(ensemble: TableEnsemble, table: Table) -> list[str]:
    """What is odd about a table that can be used: categories that the training rows hardly had."""
    said = []
    for encoding in ensemble.encodings:
        if isinstance(encoding, OneHot) and encoding.name in table.columns:
            column = read(table.column(encoding.name), encoding.name)
            values = values_of(column, encoding.kind, encoding.name)
            assert isinstance(values, Coded)
            said.append(encoding.unknown(values))
    return [one for one in said if one]


def restored_table_ensemble(description: storage.Description, state: Mapping[str, Array]) -> TableEnsemble:
    """What a file holds.

    Raises
    ------
    ValueError
        If the description is not valid, or does not fit the networks.
    """
    networks = restored_models(description, state)
    more = dict(description.metadata)
    with located("its description of the table is damaged"):
        encodings, answers, named, targets = from_json(more.pop(METADATA_KEY), networks)
    return TableEnsemble(encodings, tuple(networks), answers, named, targets, more)
