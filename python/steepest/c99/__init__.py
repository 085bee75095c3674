"""`to_c`: a model as one file of C99, for firmware, other languages and auditors."""

from __future__ import annotations

import re
from os import PathLike

from ..storage.atomic import replacing
from ..training.model import Model, checked_model
from .document import document

__all__ = ["to_c"]


def to_c(model: Model, path: str | PathLike[str], name: str = "model") -> None:
    """Write a model as one file of C99 that needs nothing else.

    It has the weights and, for ``name="model"`` and a float32 model::

        #define MODEL_IN_FEATURES ...
        #define MODEL_OUT_FEATURES ...
        #define MODEL_CLASSES ...
        void model_scores(const float *x, float *scores);
        void model_probabilities(const float *x, float *probabilities);
        int model_class(const float *x);

    of one sample x: what ``model(X)``, `Sequential.predict_proba` and `Sequential.predict` give for a row,
    with double for float64. As in `to_onnx`, there are probabilities after a fit with softmax or binary
    cross-entropy, and the class after each fit to classes. The functions allocate no memory and write to
    nothing but their results, so that several threads may call them.

    Parameters
    ----------
    model : Sequential
        One that begins with `Standardize` or `PiecewiseLinear` must have been fitted.
    path : path
        It is replaced in one step after everything is written.
    name : str, default "model"
        What the names in the file begin with.

    Raises
    ------
    TypeError
        If `model` is no `Sequential`, or `name` no text.
    ValueError
        If `name` is no identifier of C, a parameter is not finite, the model was not fitted, or a layer is of
        a class of your own.
    OSError
        If the file cannot be written.

    Notes
    -----
    The file says in which order it computes, and keeps to it to the last bit with every compiler and on every
    processor with IEEE 754 arithmetic. Numbers between layers are of the model's dtype. A sum of products
    begins with the bias, and the products are added to it in the order of the inputs, each rounded; there are
    no fused multiply-adds. Everything else is computed in double and rounded once, with the functions of
    <math.h>, whose last bits depend on the C library; rounded to float, these differ once in some hundred
    million results. ``model(X)`` sums in another order: it agrees as far as roundings allow.

    Dropout is left out, and batch normalization uses its running statistics; `Sequential.folded` merges it
    into the layer before. X is not checked: of numbers that are not finite nothing is promised.

    A file of 203,530 parameters (784-256-10) has 3.4 MB, is written in 0.3 s and compiled by gcc in 0.4 s.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons()
    >>> model = st.Sequential(st.Standardize(), st.Linear(2, 8), st.ReLU(), st.Linear(8, 2))
    >>> history = model.fit(X, y, epochs=5, progress=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     st.to_c(model, f"{folder}/moons.c", name="moons")
    ...     lines = pathlib.Path(f"{folder}/moons.c").read_text().splitlines()
    >>> [line for line in lines if line.startswith("int")]
    ['int moons_class(const float *x);', 'int moons_class(const float *x)']
    """
    checked_model(model).compiled.check_inputs()
    text = document(model, _prefix(name))
    with replacing(path) as file:
        file.write(text.encode("ascii"))


def _prefix(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"name must be a text, not {name!r:.80}")
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(
            f"name is {name!r:.80}, but must be an identifier of C: a letter, then letters, digits and "
            "underscores"
        )
    return name
