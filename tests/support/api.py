"""The public interface: what is made or called, what its parameters are, and arguments for each call."""

from __future__ import annotations

import inspect
import re
from tempfile import TemporaryDirectory

import numpy as np
import pytest

import steepest as st
from steepest import datasets, functional, gradients, initializers, plots, schedules

from .strategies import numbers, small_model

_FOLDER = TemporaryDirectory()  # of a file that fits write
TEXTS = {
    "by": "epoch",
    "backend": "reference",
    "checkpoint": f"{_FOLDER.name}/run.ckpt",
    "checkpoint_every": "2 epochs",
    "feature": "length",
    "isa": (st.build_info().get("isa_available") or ("avx2",))[-1],
    "loss": "softmax",
    "measure": "error_rate",
    "method": "forward",
    "mode": "max",
    "monitor": "loss",
    "name": "model",
    "normalize": "pred",
    "optimizer": "adam",
    "reduction": "sum",
}
# What callers are given, and never make.
RESULTS = {st.BatchState, st.DivergenceError, st.EpochState, st.ErrorDecomposition, st.History}
RESULTS |= {st.TableEnsemble, st.TableModel}
RESULTS |= {datasets.Dataset, gradients.Descent, gradients.GradientCheck, gradients.KeyCheck}
RESULTS |= {plots.LearningRates}
X, LABELS = numbers((12, 6)), np.arange(12) % 3
SCORES, TARGETS = numbers((4, 3), seed=1), abs(numbers((4, 3), seed=2)) % 1


def public():
    """Each public class and function that is made or called, with a name for it."""
    own = [(name, getattr(initializers, name)) for name in dir(initializers) if name[0].isupper()]
    own = [(name, rule) for name, rule in own if issubclass_of(rule, initializers.Initializer)]
    for module in (st, schedules, functional, datasets, gradients, plots):
        own += [(name, getattr(module, name)) for name in module.__all__]
    for kind in (st.Sequential, st.Trainer):
        names = [name for name in dir(kind) if name[0] != "_" and hasattr(kind, name)]
        own += [(f"{kind.__name__}.{name}", getattr(kind, name)) for name in names]
    for name, call in own:
        if callable(call) and call not in RESULTS and not issubclass_of(call, Exception):
            yield name, call


def issubclass_of(value, kind):
    return isinstance(value, type) and issubclass(value, kind)


# What annotations begin with, and the scalar that it is, if any.
KINDS = {"bool": bool, "int": int, "float": float, "Rate": float, "str": str}
KINDS |= dict.fromkeys(["BackendName", "Literal", "Method", "Reduction"], str)
KINDS |= dict.fromkeys(
    ["Any", "Array", "ArrayLike", "Averaging", "Axes", "Callable", "DTypeLike", "Data", "Figure"]
)
KINDS |= dict.fromkeys(
    ["EvaluateGradient", "Function", "History", "Initializer", "Iterable", "Layer", "Model"]
)
KINDS["nn"] = None  # of PyTorch
KINDS |= dict.fromkeys(["Mapping", "MaxNorm", "NDArray", "Optimizer", "Penalties", "Penalty", "SGD"])
KINDS |= dict.fromkeys(
    ["ClassWeight", "Metrics", "Samples", "Sequence", "Sequential", "ValidationData", "tuple"]
)


def kind_of(parameter):
    """bool, int, float or str, if a scalar is what the parameter takes first; else None."""
    return (
        None if parameter.name in ("self", "path") else KINDS[re.match(r"\w*", str(parameter.annotation))[0]]
    )


def arguments(name, call):
    """What a call needs, new each time; a KeyError for a parameter that this file has nothing for."""
    needed = {
        parameter.name: parameter
        for parameter in inspect.signature(call).parameters.values()
        if parameter.default is parameter.empty and parameter.kind != parameter.VAR_POSITIONAL
    }
    given = MORE.get(name, dict)()
    for key, parameter in needed.items():
        if key not in given:
            kind = kind_of(parameter)
            given[key] = TEXTS[key] if kind is str else {int: 3, float: 1.0}[kind] if kind else ARRAYS[key]()
    return given


ARRAYS = {
    "path": lambda: "model.safetensors",
    "X": lambda: X,
    "direction": lambda: np.ones(3),
    "function": lambda: lambda x: float((x * x).sum()),
    "grad": lambda: SCORES,
    "gradient": lambda: np.ones((2, 3)),
    "history": lambda: st.History(loss=[1.0]),
    "labels": lambda: np.arange(4) % 3,
    "log_means": lambda: SCORES,
    "logits": lambda: SCORES,
    "loss_function": lambda: lambda x: float((x * x).sum()),
    "mean": lambda: np.zeros((2, 3)),
    "mean_square": lambda: np.zeros((2, 3)),
    "model": small_model,
    "models": lambda: [small_model(), small_model()],
    "module": lambda: pytest.importorskip("torch") and st.to_torch(small_model()),
    "point": lambda: np.ones(3),
    "predicted": lambda: np.arange(4) % 2,
    "predictions": lambda: SCORES,
    "scores": lambda: SCORES,
    "self": small_model,
    "squares": lambda: np.zeros((2, 3)),
    "targets": lambda: TARGETS,
    "weight": lambda: numbers((2, 3)),
    "weights": lambda: np.ones(3),
    "x": lambda: SCORES,
    "y": lambda: LABELS,
}
FIT = {"progress": False, "epochs": 2, "validation_data": (X, LABELS)}
MORE = {
    "Residual": lambda: {"layers": [st.ReLU()]},
    "SGD": lambda: {"momentum": 0.5},
    "Sequential": lambda: {"layers": [st.Linear(3, 2), st.BatchNorm(2)]},
    "Sequential.directional_derivative": lambda: {"direction": {"0.bias": np.ones(8)}, "loss": "softmax"},
    "Sequential.fit": lambda: dict(FIT),
    "Trainer.fit": lambda: {"self": st.Trainer(small_model()), **FIT},
    "decision_regions": lambda: {"model": st.Sequential(st.Linear(2, 3)), "X": X[:, :2]},
    "elu_backward": lambda: {"y": SCORES},
    "learning_rate_finder": lambda: {"lowest": 0.001},
    "regression_fit": lambda: {"model": np.sin, "X": X[:, 0], "y": X[:, 1]},
    "error_decomposition": lambda: {
        "model_factory": lambda width, seed: st.Sequential(st.Linear(6, 3), seed=seed),
        "train": (X, LABELS),
        "test": (X, LABELS),
        "epochs": 1,
        "longer": 2,
        "width": 2,
        "seeds": np.arange(2),
    },
    "leaky_relu_backward": lambda: {"y": SCORES},
    "linear": lambda: {"x": X, "weight": numbers((6, 2))},
    "sgd_step": lambda: {"momentum": 0.5, "velocity": np.zeros((2, 3))},
    "templates": lambda: {"shape": (2, 3)},
}
