"""Check: words of other libraries, for which a message says the one that is right here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import wraps
from typing import Any, TypeVar

_Class = TypeVar("_Class", bound=type[Any])

_EPOCHS, _RATE, _SEED = "epochs", "optimizer=st.SGD(learning_rate=...)", "seed"
_THREADS = "st.set_num_threads(...) before it"
_L2 = "penalty=st.L2(...)"
# By the keyword that is not known: what to write in `fit`, a `Trainer` and a `Sequential`.
_IN_FITS: Mapping[str, str] = {
    "alpha": _L2,
    "batch": "batch_size",
    "bs": "batch_size",
    "criterion": "loss",
    "device": "nothing: everything runs on the CPU",
    "early_stopping": "callbacks=[st.EarlyStopping()] and validation_split=0.1",
    "eval_set": "validation_data",
    "hidden_layer_sizes": "layers, as in st.Sequential(st.Linear(64, 32), st.ReLU(), st.Linear(32, 10)), "
    "or use st.sklearn.MLPClassifier",
    "learning_rate": _RATE,
    "loss": "it where the st.Trainer is made",
    "loss_fn": "loss",
    "lr": _RATE,
    "max_epochs": _EPOCHS,
    "max_iter": _EPOCHS,
    "momentum": "optimizer=st.SGD(momentum=...)",
    "n_epochs": _EPOCHS,
    "n_iter": _EPOCHS,
    "n_jobs": _THREADS,
    "nb_epoch": _EPOCHS,
    "num_epochs": _EPOCHS,
    "optimizer": "it where the st.Trainer is made",
    "patience": "callbacks=[st.EarlyStopping(patience=...)]",
    "random_state": _SEED,
    "solver": "optimizer",
    "test_size": "validation_split",
    "tol": "callbacks=[st.EarlyStopping(min_delta=...)]",
    "validation_fraction": "validation_split",
    "validation_size": "validation_split",
    "verbose": "progress",
    "weight_decay": "optimizer=st.AdamW(weight_decay=...), or penalty=st.L2(...)",
    "weights": "sample_weight",
    "workers": _THREADS,
    "x": "X",
}
_IN_OPTIMIZERS: Mapping[str, str] = {
    "alpha": "decay",
    "amsgrad": "nothing: this form is not here",
    "beta1": "beta_1",
    "beta2": "beta_2",
    "betas": "beta_1 and beta_2",
    "clipnorm": "clip_norm in fit",
    "clipvalue": "clip_value in fit",
    "decay": "a schedule as learning_rate, such as st.schedules.Exponential(...)",
    "eps": "epsilon",
    "eta": "learning_rate",
    "lr": "learning_rate",
    "rho": "decay",
    "step_size": "learning_rate",
    "weight_decay": "st.AdamW(weight_decay=...), or penalty=st.L2(...) in fit",
}
_IN_LAYERS: Mapping[str, str] = {
    "activation": "an activation as the next layer, such as st.ReLU()",
    "alpha": "negative_slope of st.LeakyReLU, or alpha of st.ELU",
    "eps": "epsilon",
    "in_channels": "in_features",
    "init": "initializer",
    "input_dim": "in_features",
    "input_shape": "in_features",
    "kernel_initializer": "initializer",
    "kernel_regularizer": "penalty=st.L2(...) in fit",
    "layers": "st.Sequential([...]), without a keyword",
    "name": "nothing: layers are known by their numbers",
    "normalized_shape": "features",
    "num_features": "features",
    "out_channels": "out_features",
    "prob": "p",
    "rate": "p",
    "random_state": _SEED,
    "units": "out_features",
    "use_bias": "bias",
}
_IN_SCHEDULES: Mapping[str, str] = {
    "T_max": "steps",
    "decay_rate": "decay",
    "decay_steps": "steps",
    "eta_min": "final",
    "gamma": "factor",
    "initial_learning_rate": "rate",
    "learning_rate": "rate",
    "lr": "rate",
    "power_t": "power",
    "step_size": "every",
    "total_iters": "steps",
    "total_steps": "steps",
    "warmup_steps": "steps",
}
_ELSEWHERE: Mapping[str, str] = {
    "lambda_": "strength",
    "class_weights": "class_weight",
    "weight": "class_weight",
    "alpha": "strength",
    "smoothing": "label_smoothing",
}
# Names that `steepest` does not have, and those that it has instead.
_NAMES: Mapping[str, str] = {
    "Adadelta": "st.RMSProp",
    "Adagrad": "st.AdaGrad",
    "Activation": "st.ReLU() or another activation",
    "BCELoss": "st.BinaryCrossEntropy, of scores",
    "BCEWithLogitsLoss": "st.BinaryCrossEntropy",
    "BatchNorm1d": "st.BatchNorm",
    "BatchNormalization": "st.BatchNorm",
    "CrossEntropyLoss": "st.SoftmaxCrossEntropy",
    "Dense": "st.Linear(in_features, out_features), and an activation behind it",
    "Flatten": "X.reshape(len(X), -1) before fit",
    "HuberLoss": "st.Huber",
    "Input": "st.Linear(in_features, out_features) as the first layer",
    "L1Loss": "st.AbsoluteError",
    "LayerNormalization": "st.LayerNorm",
    "LogSoftmax": "no layer: st.SoftmaxCrossEntropy has one of its own",
    "MLPClassifier": "st.sklearn.MLPClassifier",
    "MLPRegressor": "st.sklearn.MLPRegressor",
    "MSELoss": "st.SquaredError",
    "Nadam": "st.NAdam",
    "NLLLoss": "st.SoftmaxCrossEntropy, of scores",
    "Normalization": "st.Standardize()",
    "RMSprop": "st.RMSProp",
    "ReLu": "st.ReLU",
    "Relu": "st.ReLU",
    "SmoothL1Loss": "st.Huber",
    "Softmax": "no layer: st.SoftmaxCrossEntropy has a softmax of its own; model.predict_proba(X) for "
    "probabilities",
}
# Methods that a model does not have, and attributes that a history does not.
_METHODS: Mapping[str, str] = {
    "compile": "give loss, optimizer and metrics to fit",
    "cuda": "everything runs on the CPU",
    "eval": "nothing is needed: model(X) drops nothing",
    "forward": "write model(X)",
    "named_parameters": "write model.state_dict().items()",
    "partial_fit": "write fit(..., epochs=1), or keep a st.Trainer",
    "predict_classes": "write predict",
    "to": "everything runs on the CPU; dtype is an argument of st.Sequential",
    "train": "write fit, or trainer.step(X, y) of a st.Trainer for a loop of your own",
    "get_weights": "write state_dict()",
    "set_weights": "write load_state_dict(state)",
    "zero_grad": "trainer.step(X, y) of a st.Trainer does all of a step",
}
IN_HISTORIES: Mapping[str, str] = {
    "history": 'it is the record itself: history["loss"], or history.to_dict() for all of it',
    "val_loss": "write validation_loss",
}


def table_for(kind: type[Any]) -> Mapping[str, str]:
    """The advice for a public class, by the module that has it."""
    module = kind.__module__
    if ".optimizers" in module:
        return _IN_OPTIMIZERS
    if ".layers" in module:
        return _IN_LAYERS
    if ".schedules" in module:
        return {**_IN_SCHEDULES, "gamma": "decay" if kind.__name__ == "Exponential" else "factor"}
    return {**_IN_LAYERS, **_IN_FITS} if kind.__name__ in ("Sequential", "Trainer") else _ELSEWHERE


def advise(kinds: Iterable[type[Any]], methods: Iterable[str] = ("fit", "evaluate")) -> None:
    """Have the classes' constructors, and these methods, say what to write instead of an unknown keyword."""
    for kind in kinds:
        for name in ("__init__", *methods):
            function = vars(kind).get(name)
            if inspect.isfunction(function):
                who = kind.__name__ if name == "__init__" else f"{kind.__name__}.{name}"
                setattr(kind, name, _advising(function, who, table_for(kind)))


def _advising(function: Callable[..., Any], who: str, table: Mapping[str, str]) -> Callable[..., Any]:
    """The function itself, which refuses unknown keywords with advice; its signature stays."""
    parameters = inspect.signature(function).parameters
    if any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters.values()):
        return function
    by_name = [
        one.name for one in parameters.values() if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    ]
    known = frozenset(by_name)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not kwargs.keys() <= known:
            unknown = next(name for name in kwargs if name not in known)
            raise TypeError(_message(who, unknown, [name for name in by_name if name != "self"], table))
        return function(*args, **kwargs)

    return call


def _message(who: str, unknown: str, known: list[str], table: Mapping[str, str]) -> str:
    said = f"{who}() got an unexpected keyword argument {unknown!r}"
    advice = table.get(unknown)
    if not advice or (advice.isidentifier() and advice not in known):  # a word of others of the same kind
        advice = next(iter(get_close_matches(unknown, known, 1)), None)
    if advice:
        return f"{said}: write {advice}"
    return f"{said}; it takes {', '.join(known) or 'none'}"


def instead_of(name: str) -> str:
    """What `steepest` has in place of a class of others; an empty string if it is unknown or the same."""
    return f": write {_NAMES[name]}" if name in _NAMES else ""


def missing_name(name: str) -> str:
    """The message of an attribute that `steepest` does not have."""
    return f"module 'steepest' has no attribute {name!r}{instead_of(name)}"


class Lacking:
    """A name of other libraries: to `hasattr` it is not there, and using it says what to write.

    A `__getattr__` would say it too, but slows every attribute of the class: 4 % of a call of a small model.
    """

    def __init__(self, name: str, advice: str) -> None:
        self._name, self._advice = name, advice

    def __get__(self, instance: object, owner: type[Any]) -> Any:
        """Raise."""
        raise AttributeError(f"{owner.__name__!r} object has no attribute {self._name!r}: {self._advice}")


def lacking(kind: _Class, table: Mapping[str, str] = _METHODS) -> _Class:
    """A class whose objects say what to write in place of the methods that they lack."""
    for name, advice in table.items():
        if not hasattr(kind, name):
            setattr(kind, name, Lacking(name, advice))
    return kind
