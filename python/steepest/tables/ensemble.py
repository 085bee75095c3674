"""`TableEnsemble`: the mean of networks on an encoded table, and its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from .. import storage
from .._checks import Array
from ..model import Sequential, restored
from .encoding import Encoding
from .ensemble_json import METADATA_KEY, from_json, to_json
from .frames import columns_in, columns_named, is_frame
from .members import Classes, Numbers, mean_answer, some_inputs
from .table import TableError


@dataclass(frozen=True)
class TableEnsemble:
    """Networks on a table as it is: what `TabularClassifier.save` and `TabularRegressor.save` write.

    `steepest.load` reads it. It gives the same answers as the estimator, and needs no scikit-learn.

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

    @property
    def feature_names(self) -> list[str]:
        """Names of the columns that it takes, in their order."""
        return [encoding.name for encoding in self.encodings]

    def predict(self, X: Any) -> Array:
        """Return one answer per row.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or array_like, (rows, columns)
            Columns of a frame are found by name, if those of the fit had names.

        Returns
        -------
        ndarray, (rows,) or (rows, targets)
            Labels, or numbers.

        Raises
        ------
        TableError
            If a column is missing, or a cell is not of the kind of its column.
        """
        return self.answers.shown(self._mean(X))

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, (rows, classes).

        Parameters
        ----------
        X : DataFrame of pandas or polars, or array_like, (rows, columns)

        Raises
        ------
        ValueError
            If it predicts numbers.
        """
        if isinstance(self.answers, Numbers):
            raise ValueError("the model has no probabilities: it is a regression")
        return self._mean(X)

    def save(self, path: str | PathLike[str]) -> None:
        """Write it to one safetensors file, which `steepest.load` reads; see `Sequential.save`."""
        metadata = {METADATA_KEY: to_json(self.encodings, self.answers, self.named)}
        layers = [network.layers for network in self.members]
        states = enumerate(network.state_dict() for network in self.members)
        state = {f"{i}/{key}": array for i, own in states for key, array in own.items()}
        described = storage.Description((), self.members[0].dtype, 0, metadata, layers)
        storage.write(path, described, state)

    def __repr__(self) -> str:
        task = "classification" if isinstance(self.answers, Classes) else "regression"
        return f"TableEnsemble({len(self.members)} networks, {task} from {len(self.encodings)} columns)"

    def _mean(self, X: Any) -> Array:
        if self.named and is_frame(X):
            columns = columns_named(X, self.feature_names, "the model")
        else:
            X = X if is_frame(X) else np.asarray(X, dtype=object if isinstance(X, list | tuple) else None)
            if len(X.shape) != 2 or X.shape[1] != len(self.encodings):
                raise TableError(f"X has shape {X.shape}, but the model takes (rows, {len(self.encodings)})")
            columns = columns_in(X)
        return mean_answer(self.members, some_inputs(self.encodings, columns), self.answers)


def restored_ensemble(description: storage.Description, state: Mapping[str, Array]) -> TableEnsemble:
    """What a file holds.

    Raises
    ------
    ValueError
        If the description is not valid, or does not fit the networks.
    """
    states: dict[str, dict[str, Array]] = {}
    for key, array in state.items():
        number, _, name = key.partition("/")
        states.setdefault(number, {})[name] = array
    networks = [
        restored(layers, states.get(str(i), {}), description.dtype)
        for i, layers in enumerate(description.several)
    ]
    encodings, answers, named = from_json(description.metadata[METADATA_KEY], networks)
    return TableEnsemble(encodings, tuple(networks), answers, named)
