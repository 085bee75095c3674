"""`TableModel`: a network with the preparation of its table."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..model import Sequential
from ..storage.json_text import located
from .preparation import Preparation
from .reading import table_of_frame
from .table import Array, Table, TableError, column_of, table_of_dicts
from .truth import columns_given, measured

METADATA_KEY = "table"


class TableModel:
    """A model that takes tables as they are, and answers with labels or with numbers in their own units.

    `steepest train` saves such models, and `load` reads them.

    A table is a DataFrame of pandas or polars, a list of dicts (one per row), a dict of columns, or an array
    or nested list whose columns are those of the training table without the target. By name, columns may be
    in any order, and others are ignored.

    Parameters
    ----------
    model : Sequential
        The network behind it.
    preparation : Preparation
        How columns become its inputs, and its outputs become answers.
    metadata : mapping of str to str, optional
        More strings to save beside it.

    Attributes
    ----------
    model : Sequential
    preparation : Preparation

    Raises
    ------
    ValueError
        If the preparation does not fit the model.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> from steepest.tables import Table, choose
    >>> petal = np.linspace(1.0, 5.0, 40)
    >>> kind = np.where(petal < 3, "setosa", "virginica").astype(object)
    >>> table = Table("flowers", {"petal": petal, "kind": kind})
    >>> plan = choose(table)
    >>> preparation = plan.fit(plan.rows)
    >>> network = st.Sequential(st.Linear(preparation.width, preparation.outputs))
    >>> X, y = preparation.inputs(table), preparation.y(preparation.truth(table))
    >>> history = network.fit(X, y, optimizer=st.SGD(1.0), progress=False)
    >>> model = st.TableModel(network, preparation)
    >>> model.predict([{"petal": 1.5}, {"petal": 4.5}]).tolist()
    ['setosa', 'virginica']
    """

    def __init__(
        self, model: Sequential, preparation: Preparation, metadata: Mapping[str, str] | None = None
    ) -> None:
        if (model.in_features, model.out_features) != (preparation.width, preparation.outputs):
            raise ValueError(
                f"the preparation makes {preparation.width} inputs and reads {preparation.outputs} outputs, "
                f"but the model has {model.in_features} and {model.out_features}"
            )
        self.model, self.preparation = model, preparation
        self.metadata = {key: text for key, text in (metadata or {}).items() if key != METADATA_KEY}

    @property
    def task(self) -> str:
        """What it does: classification, regression or multilabel."""
        return self.preparation.task

    @property
    def classes(self) -> list[Any] | None:
        """The labels in the order of the outputs; None without classes."""
        labels = self.preparation.labels
        return None if labels is None else list(labels)

    @property
    def feature_names(self) -> list[str]:
        """Names of the columns that it takes."""
        return self.preparation.names

    @property
    def target_names(self) -> list[str]:
        """Names of the columns that it predicts."""
        return list(self.preparation.targets)

    def __call__(self, table: Any) -> Array:
        """Return the scores of the rows, (rows, outputs); of a regression the numbers in their units."""
        outputs = self._outputs(self._table(table))
        if self.task != "regression":
            return outputs
        return self.preparation.answers(outputs).reshape(len(outputs), -1)

    def predict(self, table: Any) -> Array:
        """Return one answer per row.

        Parameters
        ----------
        table : DataFrame, list of dicts, dict of columns, or array
            See `TableModel`.

        Returns
        -------
        ndarray, (rows,) or (rows, targets) of several targets
            Labels as the training table had them, or numbers in their units.

        Raises
        ------
        TableError
            If a column is missing, or a cell cannot be used. It is a ValueError.

        Warns
        -----
        UserWarning
            If most values of a category are none that the training rows had, perhaps in other letters.
        """
        return self.preparation.answers(self._outputs(self._table(table)))

    def predict_proba(self, table: Any) -> Array:
        """Return the probability of each class, (rows, classes), or of each label that it is 1.

        Parameters
        ----------
        table : DataFrame, list of dicts, dict of columns, or array
            See `TableModel`.

        Raises
        ------
        ValueError
            If the model has no probabilities: of a regression, or trained with another loss.
        """
        return self.preparation.probabilities(self._outputs(self._table(table)))

    def evaluate(self, table: Any, y: ArrayLike | None = None) -> dict[str, float]:
        """Return how good the answers are.

        Parameters
        ----------
        table : DataFrame, list of dicts, dict of columns, or array
            See `TableModel`.
        y : array_like, (rows,) or (rows, targets), optional
            The right answers; by default the columns of the table that are predicted.

        Returns
        -------
        dict
            accuracy, and for classes balanced accuracy and macro-averaged F1; for a regression r2,
            mean_absolute_error and root_mean_squared_error, averaged over the targets.

        Raises
        ------
        TableError
            If an answer is missing, or a label is none of the classes.
        """
        truth, outputs = self._judged(table, y)
        if self.task == "multilabel":
            return {"accuracy": float(np.mean((outputs > 0) == (truth > 0)))}
        if self.task == "regression":
            outputs = self.preparation.answers(outputs).reshape(truth.shape)
        return measured(self.task, truth, outputs)

    def score(self, table: Any, y: ArrayLike | None = None) -> float:
        """Return the accuracy, or R^2 of a regression; see `evaluate`."""
        return self.evaluate(table, y)["r2" if self.task == "regression" else "accuracy"]

    def save(self, path: str | PathLike[str]) -> None:
        """Write network and preparation to one file, which `load` reads; see `Sequential.save`."""
        with located("the model cannot be saved"):
            text = self.preparation.to_json()
            Preparation.from_json(text, self.model.in_features, self.model.out_features)  # as `load` will
        self.model.save(path, metadata={**self.metadata, METADATA_KEY: text})

    def summary(self) -> str:
        """Describe the columns, the answers and the layers."""
        kinds = ", ".join(f"{column.name} ({column.kind})" for column in self.preparation.columns)
        answers = "" if self.classes is None else f"\nclasses: {', '.join(map(str, self.classes))}"
        predicts = f"{self.task} of {', '.join(self.target_names)}"
        return f"{predicts}{answers}\ncolumns: {kinds}\n\n{self.model.summary()}"

    def __repr__(self) -> str:
        targets = ", ".join(self.target_names)
        return f"TableModel({self.task} of {targets} from {len(self.feature_names)} columns)"

    def _table(self, table: Any) -> Table:
        return as_table(table, self.preparation)

    def _outputs(self, table: Table) -> Array:
        for said in self.preparation.warnings(table):
            warnings.warn(said, UserWarning, stacklevel=3)
        return self.model(self.preparation.inputs(table))

    def _judged(self, table: Any, y: ArrayLike | None) -> tuple[Array, Array]:
        """The truth, and the network's outputs."""
        found = self._table(table)
        if y is not None:
            own = columns_given(y, len(found), self.target_names)
            found = replace(found, columns={**found.columns, **own})
        return self.preparation.truth(found), self._outputs(found)


def as_table(data: Any, preparation: Preparation) -> Table:
    """Rows of any form as a `Table`, with the names of a preparation where they have none.

    Raises
    ------
    TableError
        If they have none of the forms.
    """
    if isinstance(data, Table):
        return data
    if hasattr(data, "columns") and hasattr(data, "shape"):
        return table_of_frame(data)
    if (found := table_of_dicts(data)) is not None:
        return found
    if isinstance(data, str) or not hasattr(data, "__iter__"):
        file = ": read the file first, as pd.read_csv does" if isinstance(data, str) else ""
        raise TableError(
            f"rows must be a DataFrame, dicts, or lists, one for each row, not {data!r:.80}{file}"
        )
    rows: Any = data if isinstance(data, list | tuple | np.ndarray) else list(data)
    if (found := table_of_dicts(rows)) is not None:
        return found
    return _by_place(rows, preparation)


def _by_place(rows: Any, preparation: Preparation) -> Table:
    array = rows if isinstance(rows, np.ndarray) else None
    if array is None and not len(rows):
        array = np.empty((0, len(preparation.names)), dtype=object)
    if array is None:
        widths = {len(row) for row in rows if hasattr(row, "__len__") and not isinstance(row, str)}
        if len(widths) != 1 or any(isinstance(row, str) or not hasattr(row, "__len__") for row in rows):
            raise TableError(
                "rows must be a DataFrame, dicts, or lists of equal lengths, one for each row: a single row "
                "is [row]"
            )
        array = np.empty((len(rows), widths.pop()), dtype=object)
        array[:] = [list(row) for row in rows]
    if array.ndim != 2 or array.shape[1] != len(preparation.names):
        raise TableError(
            f"the rows have shape {array.shape}, but the model takes (rows, {len(preparation.names)})"
        )
    columns = {name: column_of(array[:, i]) for i, name in enumerate(preparation.names)}
    return Table("the rows", columns)


def restored_table_model(model: Sequential, metadata: Mapping[str, str]) -> TableModel:
    """The one that `TableModel.save` wrote, of what a file says of its network.

    Raises
    ------
    ValueError
        If the description is damaged, or does not fit the network.
    """
    with located("its description of the table is damaged"):
        text, sizes = metadata[METADATA_KEY], (model.in_features, model.out_features)
        return TableModel(model, Preparation.from_json(text, *sizes), metadata)
