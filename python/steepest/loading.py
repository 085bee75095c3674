"""`load`: any model that a `save` wrote."""

from __future__ import annotations

from os import PathLike
from typing import Any

from . import storage
from .ensemble import Ensemble, restored_ensemble
from .model import Sequential, restored_with_metadata
from .storage.json_text import located
from .tables import TableEnsemble, TableModel
from .tables.ensemble import restored_table_ensemble
from .tables.ensemble_json import METADATA_KEY as ENSEMBLE_KEY
from .tables.model import METADATA_KEY as TABLE_KEY
from .tables.model import restored_table_model

__all__ = ["load"]


def load(path: str | PathLike[str]) -> Sequential | Ensemble | TableModel | TableEnsemble | Any:
    """Read a model that the `save` of a model or an estimator, or ``steepest train`` wrote.

    Parameters
    ----------
    path : path

    Returns
    -------
    Sequential, Ensemble, TableModel, TableEnsemble or an estimator
        A TableModel or TableEnsemble, which takes tables as they are, if the file has their preparation. An
        estimator of `steepest.sklearn`, if a network or linear model among these was saved.

    Raises
    ------
    ImportError
        If the file has an estimator, and scikit-learn is not installed.
    ModelFileError
        If the file is not a model, or is damaged; the message says what is wrong. It is a ValueError.
    OSError
        If the file does not exist or cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(2, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/model.safetensors")
    ...     same = st.load(f"{folder}/model.safetensors")
    >>> bool((same([[1.0, 2.0]]) == model([[1.0, 2.0]])).all())
    True
    """
    description, state = storage.read(path)
    with storage.refusing(path):
        if ENSEMBLE_KEY in description.metadata:
            return restored_table_ensemble(description, state)
        if description.several:
            return restored_ensemble(description, state)
        model, metadata = restored_with_metadata(description, state)
        if storage.ESTIMATOR_KEY in metadata:
            from . import sklearn  # which may be missing
            from .sklearn._estimator.saving import restored_estimator

            with located("its description of the estimator is damaged"):
                return restored_estimator(model, metadata[storage.ESTIMATOR_KEY], vars(sklearn))
        return restored_table_model(model, metadata) if TABLE_KEY in metadata else model
