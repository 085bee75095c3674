"""`to_torch` and `from_torch`: a model as PyTorch's modules, and such modules as a model."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..compile.objective import objective_of
from ..losses import Loss
from ..model import Sequential
from ..training.model import Model, checked_model

if TYPE_CHECKING:
    from torch import nn

__all__ = ["from_torch", "to_torch"]


def to_torch(model: Model) -> nn.Sequential:
    """Make a PyTorch module that computes what a model computes.

    Parameters
    ----------
    model : Sequential
        One that begins with `Standardize` or `PiecewiseLinear` must have been fitted. It is not changed, and
        shares no arrays with the module.

    Returns
    -------
    torch.nn.Sequential
        One module for each layer, of the same number, with parameters and buffers of the model's dtype on the
        CPU. It is in evaluation mode, so that ``module(x)`` gives what ``model(x)`` gives; to train it, call
        ``module.train()`` first, as PyTorch's own modules are when they are made.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError
        If `model` is no `Sequential`.
    ValueError
        If a layer has no match in PyTorch: `FractionalMaxPool2d`, a `Dropout` with a given mask, and layers
        of your own. Or the model was not fitted.

    Notes
    -----
    Weights of `torch.nn.Linear` are (out_features, in_features), and the momentum of `torch.nn.BatchNorm1d`
    is 1 - momentum of `BatchNorm`. In training its running variance follows the unbiased variance of batches,
    n / (n - 1) times the one followed here.

    What torch.nn lacks, such as `Standardize`, `Maxout` and `Residual`, becomes a module of steepest, whose
    arrays have the names and shapes of `state_dict`. Inputs are standardized and encoded in float64, as here,
    which some devices lack: ``to_torch(model.folded())`` has `Standardize` as a part of the first `Linear`.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(4, 8), st.ReLU(), st.Linear(8, 3))
    >>> module = st.to_torch(model)
    >>> module
    Sequential(
      (0): Linear(in_features=4, out_features=8, bias=True)
      (1): ReLU()
      (2): Linear(in_features=8, out_features=3, bias=True)
    )
    """
    checked_model(model)
    _require("to_torch")
    from .to_modules import module_of

    return module_of(model)


def from_torch(module: nn.Module, loss: str | Loss | None = None) -> Sequential:
    """Make a model that computes what a PyTorch module computes in evaluation mode.

    Parameters
    ----------
    module : torch.nn.Module
        A `torch.nn.Sequential`, with others inside if need be, or one layer: Linear, BatchNorm1d, LayerNorm,
        Dropout, Flatten, ReLU, LeakyReLU, ELU, SELU, GELU, SiLU, Mish, Softplus, Sigmoid, Tanh, Identity,
        and what `to_torch` makes. It is not changed, and shares no memory with the model.
    loss : str or loss, optional
        What the module was trained with, which it does not know: a loss or its name, as for `Trainer`. By it,
        `Sequential.predict` and `Sequential.predict_proba` tell classes from numbers, and softmax from
        sigmoid, and so do the files of `to_onnx` and `to_c`. A fit sets it too.

    Returns
    -------
    Sequential
        Of dtype float64 if a parameter is, else float32, which holds those of half precision exactly. Layers
        are counted through all nested modules. A Flatten, which rows do not need, is an `Identity`.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError
        If `module` is no module, or there is no layer for it or for one inside, as for a module with a
        ``forward`` of its own; the message has its place.
    ValueError
        If there is no layer with the settings of a module: a GELU with ``approximate="tanh"``, a Softplus
        with another beta than 1, normalization without weight, bias or running statistics, or over more than
        one dimension. If modules share a parameter or have hooks, a parameter is not finite, or the loss
        needs unbounded scores and the model ends with `Sigmoid`.

    Notes
    -----
    Whether a parameter is frozen is said to `Sequential.fit`. Softplus is x itself in PyTorch above the
    threshold of 20, and exact here: they differ by up to 2e-9.

    Examples
    --------
    >>> import steepest as st
    >>> from torch import nn
    >>> st.from_torch(nn.Sequential(nn.Linear(4, 8, bias=False), nn.LeakyReLU(0.2), nn.Linear(8, 3)))
    Sequential(
        Linear(4, 8, bias=False),
        LeakyReLU(negative_slope=0.2),
        Linear(8, 3),
        dtype=float32, seed=0,
    )
    """
    _require("from_torch")
    from .from_modules import model_of

    model = model_of(module)
    if loss is not None:
        model.loss, _ = objective_of(model.compiled, loss, None)
    return model


def _require(caller: str) -> None:
    try:
        import_module("torch")
    except ImportError as error:
        raise ImportError(
            f"{caller} needs PyTorch, which is missing: pip install 'steepest[torch]'"
        ) from error
