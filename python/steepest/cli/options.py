"""The options of the commands, in groups as ``--help`` shows them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import _checks
from ..layers import ACTIVATIONS
from ..optimizers import OPTIMIZERS
from ..training.checkpoints import USUAL
from . import values
from .errors import UserError
from .network import (
    ADAM_RATE,
    MOMENTUM,
    PENALTY,
    SCHEDULES,
    SGD_RATE_OF_OTHERS,
    SGD_RATES,
    TASK_LOSSES,
)

NO_CHECKPOINTS: Mapping[str, Any] = {"checkpoint": None, "checkpoint_every": USUAL, "resume": False}
# What each kind of model takes for its options where they are not given; others it refuses.
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "network": {
        "hidden": (100,),
        "activation": "relu",
        "dropout": 0.0,
        "batch_norm": False,
        "loss": None,
        "optimizer": "adam",
        "learning_rate": None,
        "momentum": None,
        "schedule": "constant",
        "penalty": None,
        "batch_size": 32,
        "epochs": None,
        "early_stopping": True,
        "patience": None,
        "validation_fraction": 0.15,
        "validation": None,
        **NO_CHECKPOINTS,
    },
    "tabular": {"hidden": (128, 128, 128), "dropout": 0.1, "max_time": None, **NO_CHECKPOINTS},
}


def settle(options: argparse.Namespace) -> None:
    """Give the options of the chosen model their defaults.

    Raises
    ------
    UserError
        If an option is given that only the other model has, or one of --checkpoint without that.
    """
    own = _DEFAULTS[options.model]
    (other,) = _DEFAULTS.keys() - {options.model}
    for name in _DEFAULTS[other]:
        if name not in own and (given := getattr(options, name)) is not None:
            option = ("--no-" if given is False else "--") + name.replace("_", "-")
            raise UserError(f"{option} is an option of --model {other}, not of {options.model}")
    if options.checkpoint is None and options.resume:
        raise UserError("--resume goes on from the file of --checkpoint: give both")
    if options.checkpoint is None and options.checkpoint_every is not None:
        raise UserError("--checkpoint-every says how often the file of --checkpoint is written: give both")
    for name, default in own.items():
        if getattr(options, name) is None:
            setattr(options, name, default)


def add_reading(parser: argparse.ArgumentParser) -> None:
    """How a text file is read."""
    add = parser.add_argument_group("reading").add_argument
    add("--separator", type=values.separator, metavar="C", help="between columns, or tab; default: detected")
    add("--decimal", type=values.character, metavar="C", help="decimal mark; default: detected")
    add("--thousands", type=values.character, metavar="C", help="between thousands; default: detected")
    add("--encoding", metavar="NAME", help="for example cp1252; default: UTF-8")
    add(
        "--header",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether the first row has the names of the columns; default: detected",
    )
    missing = "more texts that stand for a missing value, for example -,unknown"
    add("--missing-values", type=values.texts, action="extend", metavar="TEXTS", help=missing)


def add_columns(parser: argparse.ArgumentParser) -> None:
    """What is learned from what."""
    add = parser.add_argument_group("columns").add_argument
    add(
        "--target",
        action="append",
        metavar="COLUMNS",
        help="what to predict: a name, or a number from 0 (negative: from the end); several are separated "
        "by commas; default: the last column, or y of an .npz",
    )
    add(
        "--features",
        action="append",
        metavar="COLUMNS",
        help="what to predict from; default: all other columns",
    )
    add("--drop", action="append", metavar="COLUMNS", help="what to leave out")
    categorical = "columns whose numbers or texts name categories"
    add("--categorical", action="append", metavar="COLUMNS", help=categorical)
    add(
        "--missing",
        choices=("impute", "drop", "error"),
        default="impute",
        help="missing values: put the mean or the most frequent value, drop the row, or refuse; "
        "default: impute",
    )
    task = "default: numbers with fractions, or more than 20 integers, are a regression, all else is classes"
    add("--task", choices=tuple(TASK_LOSSES), help=task)


def add_network(parser: argparse.ArgumentParser) -> None:
    """What the network is made of."""
    add = parser.add_argument_group("network").add_argument
    kinds = (
        "network: one, as the options say; tabular: the mean of several with a recipe of its own, strong "
        "without options, for which scikit-learn is needed; default: network"
    )
    add("--model", choices=tuple(_DEFAULTS), default="network", help=kinds)
    sizes = (
        "sizes of the hidden layers, for example 256,128; none for a linear model; default: 100, of tabular "
        "128,128,128"
    )
    add("--hidden", type=values.hidden, metavar="SIZES", help=sizes)
    activation = f"of the hidden layers: {', '.join(ACTIVATIONS)}; default: relu"
    add("--activation", choices=ACTIVATIONS, metavar="NAME", help=activation)
    dropout = "fraction of the hidden units that are dropped in training; default: 0, of tabular 0.1"
    add("--dropout", type=values.real("dropout", _checks.fraction), metavar="P", help=dropout)
    batch_norm = "batch normalization in the hidden layers"
    add("--batch-norm", action="store_true", default=None, help=batch_norm)


def add_training(parser: argparse.ArgumentParser) -> None:
    """How it learns."""
    group = parser.add_argument_group("training")
    add = group.add_argument
    losses = "; ".join(f"{task}: {', '.join(names)}" for task, names in TASK_LOSSES.items())
    every = tuple(dict.fromkeys(name for names in TASK_LOSSES.values() for name in names))
    loss = f"{losses}; default: the first one of the task"
    add("--loss", type=values.loss, choices=every, metavar="NAME", help=loss)
    optimizers = f"{', '.join(OPTIMIZERS)}; default: adam"
    add("--optimizer", type=str.lower, choices=OPTIMIZERS, metavar="NAME", help=optimizers)
    rates = ", ".join(f"{rate} for {loss}" for loss, rate in SGD_RATES.items())
    rate = (
        f"default: {ADAM_RATE} for adam and adamw; of sgd {rates}, {SGD_RATE_OF_OTHERS} for other losses; "
        "else the optimizer's own"
    )
    positive = values.real("learning rate", _checks.positive)
    add("--learning-rate", type=positive, metavar="RATE", help=rate)
    momentum = f"of sgd and rmsprop; default: {MOMENTUM} for sgd"
    add("--momentum", type=values.real("momentum", _checks.fraction), metavar="M", help=momentum)
    schedule = f"of the learning rate over all epochs: {', '.join(SCHEDULES)}; default: constant"
    add("--schedule", choices=SCHEDULES, metavar="NAME", help=schedule)
    kinds = (
        "on the weights: l2:1e-4, l1:1e-5, elastic_net:1e-4,0.5 (strength, beta) or none; default: "
        f"l2:{PENALTY.strength:g}, for a linear model none"
    )
    add("--penalty", type=values.penalty, metavar="KIND:STRENGTH", help=kinds)
    add("--class-weight", choices=("balanced",), help="let rare classes count as much as frequent ones")
    batch = "number of samples per step; default: 32"
    add("--batch-size", type=values.integer("batch size", 1), metavar="N", help=batch)
    epochs = "passes over the training rows, at most; default: 20 to 300, fewer for more rows"
    add("--epochs", type=values.integer("epochs", 1), metavar="N", help=epochs)
    time = "of tabular: seconds after which training ends with what it has found so far"
    add("--max-time", type=values.real("max time", _checks.positive), metavar="SECONDS", help=time)
    seeds = (
        "seed of the initial weights and shuffles; which rows are held out does not depend on it; default: 0"
    )
    add("--seed", type=values.integer("seed", 0, 2**64 - 1), default=0, metavar="N", help=seeds)
    file = "written while it trains, with all that --resume needs, and replaced in one step"
    add("--checkpoint", metavar="FILE", help=file)
    often = f"epochs, or a text such as '500 steps' or '5 minutes'; default: {USUAL}"
    add("--checkpoint-every", type=values.every, metavar="N", help=often)
    on = "go on from --checkpoint, if it exists, to the same bits as if nothing had interrupted it"
    add("--resume", action="store_true", default=None, help=on)


def add_judging(parser: argparse.ArgumentParser) -> None:
    """Which rows stop the training, and which judge it."""
    add = parser.add_argument_group("validation and test").add_argument
    share = "fraction of the rows, or of each class, that is held out for the report; default: 0.2"
    add(
        "--test-fraction",
        type=values.real("test fraction", _checks.fraction),
        default=0.2,
        metavar="F",
        help=share,
    )
    add("--cv", type=values.integer("number of folds", 2), metavar="K", help="report K-fold cross-validation")
    add(
        "--early-stopping",
        action=argparse.BooleanOptionalAction,
        help="stop when the loss on validation rows no longer improves, and keep the best epoch; "
        "default: yes",
    )
    patience = (
        "epochs to wait for an improvement; default: a tenth of the epochs, but at least 5 and 300 steps"
    )
    add("--patience", type=values.integer("patience", 1), metavar="N", help=patience)
    validation = "fraction of the training rows held out for early stopping; default: 0.15"
    add(
        "--validation-fraction",
        type=values.real("validation fraction", _checks.inside),
        metavar="F",
        help=validation,
    )
    add(
        "--validation",
        metavar="FILE",
        help="take the rows of this table for early stopping instead",
        type=Path,
    )


def add_output(
    parser: argparse.ArgumentParser, output: str | None, pictures: bool = True, quiet: bool = False
) -> None:
    """Where results go; `output` describes --output."""
    add = parser.add_argument_group("output").add_argument
    if output is not None:
        add("--output", metavar="FILE", help=output, type=Path)
    if pictures:
        picture = "draw learning curves, and the confusions or the predicted numbers, as .png, .svg or .pdf"
        add("--plot", metavar="FILE", help=picture, type=Path)
        add("--json", action="store_true", help="print the report as one JSON document")
    add("--force", action="store_true", help="replace files that exist")
    if quiet:
        add("--quiet", action="store_true", help="print no progress bar and no lines of epochs")


def add_computing(parser: argparse.ArgumentParser, ranks: bool = False) -> None:
    """What computes; `ranks` is whether several processes can do so together."""
    add = parser.add_argument_group("computing").add_argument
    add("--threads", type=values.integer("threads", 1), metavar="N", help="number of threads")
    backend = "compiled kernels (native), or plain NumPy (reference)"
    add("--backend", choices=("native", "reference"), help=backend)
    add("--isa", metavar="NAME", help="instruction set: sse2, avx2, avx512 or neon")
    if not ranks:
        return
    together = (
        "whether the processes that mpiexec or srun started train one model together, each on some "
        "of the rows; default: yes"
    )
    add("--ranks", action=argparse.BooleanOptionalAction, help=together)
    parts = (
        "parts of the rows, a power of 2: any number of processes that divides it trains the same model, to "
        "the bit; default: one for each process"
    )
    add("--shards", type=values.integer("shards", 1), metavar="N", help=parts)
