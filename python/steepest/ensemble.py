"""`Ensemble`: several models as one, whose answers are the mean of theirs, and its file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from . import storage
from ._checks import Array
from .backends.sparse import Samples
from .compile.output import ends_with_sigmoid
from .model import Sequential, restored
from .storage.loss import with_loss, without_loss
from .training import answers

__all__ = ["Ensemble"]


class Ensemble:
    """Several `Sequential` of one task as one model: its answers are the mean of theirs.

    The mean of networks that differ in their seed, rows or layers is as a rule better than each of them, and
    its probabilities are less sure of what is wrong.

    Parameters
    ----------
    models : sequence of Sequential
        At least one. They take as many features and have as many outputs, are of one dtype, and were fitted
        with one kind of loss. They are not copied.

    Attributes
    ----------
    models : tuple of Sequential
    in_features, out_features : int
    dtype : dtype
    loss : loss or None
        That of the first model.

    Raises
    ------
    ValueError
        If there is none, or two do not fit together.
    TypeError
        If one is not a `Sequential`.

    Notes
    -----
    A file of it keeps no seeds, on which further training of the models depends.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons()
    >>> models = [st.Sequential(st.Linear(2, 8), st.ReLU(), st.Linear(8, 2), seed=i) for i in range(3)]
    >>> for model in models:
    ...     history = model.fit(X, y, optimizer=st.Adam(0.1), epochs=50, progress=False)
    >>> ensemble = st.Ensemble(models)
    >>> ensemble, bool((ensemble.predict(X) == y).mean() > 0.95)
    (Ensemble(3 models, 2 -> 2, float32), True)
    """

    def __init__(self, models: Sequence[Sequential]) -> None:
        self.models = _checked(models)
        first = self.models[0]
        self.in_features, self.out_features = first.in_features, first.out_features
        self.dtype, self.loss = first.dtype, first.loss

    def __call__(self, X: Samples) -> Array:
        """Return the mean of the scores of the models: of a regression, of their numbers.

        Parameters
        ----------
        X : array_like or sparse matrix, (samples, in_features)

        Returns
        -------
        ndarray, (samples, out_features), of the models' dtype

        Raises
        ------
        ValueError, TypeError
            As a call of a `Sequential`.
        """
        return mean_answer(self.models, X, np.asarray).astype(self.dtype)

    def predict(self, X: Samples) -> Array:
        """Return the class of each row: the most probable one or, without probabilities, by the mean score.

        Parameters
        ----------
        X : array_like or sparse matrix, (samples, in_features)

        Returns
        -------
        ndarray, (samples,), int64

        Raises
        ------
        ValueError
            As `Sequential.predict`.

        Examples
        --------
        >>> import steepest as st
        >>> sure, unsure = (st.Sequential(st.Linear(1, 2, bias=False)) for _ in range(2))
        >>> sure.load_state_dict({"0.weight": [[3.0, 0.0]]})
        >>> unsure.load_state_dict({"0.weight": [[0.0, 1.0]]})
        >>> st.Ensemble([sure, unsure]).predict([[1.0]]).tolist()
        [0]
        """
        compiled = self.models[0].compiled
        if answers.are_logits(compiled, self.loss):
            return np.asarray(self.predict_proba(X).argmax(axis=1), dtype=np.int64)
        return answers.classes(compiled, self.loss, self(X))

    def predict_proba(self, X: Samples) -> Array:
        """Return the mean of the probabilities that the models give each class.

        Parameters
        ----------
        X : array_like or sparse matrix, (samples, in_features)

        Returns
        -------
        ndarray, (samples, classes), of the models' dtype
            As of `Sequential.predict_proba`.

        Raises
        ------
        ValueError
            As `Sequential.predict_proba`.

        Examples
        --------
        >>> import steepest as st
        >>> st.Ensemble([st.Sequential(st.Linear(2, 4))]).predict_proba([[0.0, 0.0]])
        array([[0.25, 0.25, 0.25, 0.25]], dtype=float32)
        """
        compiled = self.models[0].compiled

        def probabilities(scores: Array) -> Array:
            return answers.probabilities(compiled, self.loss, scores)

        return mean_answer(self.models, X, probabilities).astype(self.dtype)

    def save(self, path: str | PathLike[str], *, metadata: Mapping[str, str] | None = None) -> None:
        """Write all models to one safetensors file, which `steepest.load` reads; see `Sequential.save`.

        Parameters
        ----------
        path : path
        metadata : mapping of str, optional
            More strings to store in the file.

        Raises
        ------
        ValueError, TypeError, OSError
            As `Sequential.save`.

        Examples
        --------
        >>> import tempfile
        >>> import steepest as st
        >>> ensemble = st.Ensemble([st.Sequential(st.Linear(2, 1), seed=i) for i in range(4)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ensemble.save(f"{folder}/four.safetensors")
        ...     same = st.load(f"{folder}/four.safetensors")
        >>> same, bool((same([[1.0, 2.0]]) == ensemble([[1.0, 2.0]])).all())
        (Ensemble(4 models, 2 -> 1, float32), True)
        """
        write(path, self.models, with_loss(metadata or {}, self.loss))

    def __repr__(self) -> str:
        return f"Ensemble({len(self.models)} models, {self.in_features} -> {self.out_features}, {self.dtype})"


def mean_answer(models: Sequence[Sequential], X: Any, meaning: Callable[[Array], Array]) -> Array:
    """The mean over models of what their scores mean, in float64."""
    return np.asarray(np.mean([meaning(model(X)) for model in models], axis=0, dtype=np.float64))


def write(path: str | PathLike[str], models: Sequence[Sequential], metadata: Mapping[str, str]) -> None:
    """Write models of one dtype to one file."""
    layers = [model.layers for model in models]
    states = enumerate(model.state_dict() for model in models)
    state = {f"{i}/{key}": array for i, own in states for key, array in own.items()}
    storage.write(path, storage.Description((), models[0].dtype, 0, metadata, layers), state)


def restored_models(description: storage.Description, state: Mapping[str, Array]) -> list[Sequential]:
    """The models of a file that `write` wrote."""
    states: dict[str, dict[str, Array]] = {}
    for key, array in state.items():
        number, _, name = key.partition("/")
        states.setdefault(number, {})[name] = array
    return [
        restored(layers, states.get(str(i), {}), description.dtype)
        for i, layers in enumerate(description.several)
    ]


def restored_ensemble(description: storage.Description, state: Mapping[str, Array]) -> Ensemble:
    """What a file holds.

    Raises
    ------
    ValueError
        If its models do not fit together, or its loss is unknown.
    """
    models = restored_models(description, state)
    _, loss = without_loss(description.metadata)
    for model in models:
        model.loss = loss
    return Ensemble(models)


def _checked(models: Iterable[Sequential]) -> tuple[Sequential, ...]:
    """Models that are there, and fit together."""
    if isinstance(models, Sequential) or not hasattr(models, "__iter__"):
        raise TypeError(f"models must be a sequence of st.Sequential, not {models!r:.80}")
    given = tuple(models)
    if not given:
        raise ValueError("models has 0 models, but at least 1 is needed")
    for i, model in enumerate(given):
        if not isinstance(model, Sequential):
            raise TypeError(f"models[{i}] must be a st.Sequential, not {model!r:.80}")
        for what in (_shape, _dtype, _loss, _end):
            if (own := what(model)) != (first := what(given[0])):
                raise ValueError(f"models[{i}] {own}, but models[0] {first}")
    return given


def _shape(model: Sequential) -> str:
    return f"takes {model.in_features} features and has {model.out_features} outputs"


def _dtype(model: Sequential) -> str:
    return f"is of {model.dtype}"


def _loss(model: Sequential) -> str:
    return f"was fitted with {type(model.loss).__name__}" if model.loss else "was not fitted"


def _end(model: Sequential) -> str:
    return f"{'ends' if ends_with_sigmoid(model.layers) else 'does not end'} with Sigmoid()"
