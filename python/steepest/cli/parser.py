"""The command line: the arguments of ``steepest train``, ``predict`` and ``info``, and the exit codes.

Exit codes: 0, 2 for a mistake of the user's (one line on stderr), 130 for Ctrl-C, 141 for a closed pipe.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar

from .. import _checks
from .._config import config
from .._version import __version__
from ..layers import ACTIVATIONS
from ..penalties import L1, L2, ElasticNet, Penalty
from . import commands as _commands
from .tables import UserError

_T = TypeVar("_T")

_TRAIN = """\
Train a network on a table, report its accuracy or error on held-out rows, and save it.

DATA is
  .csv  one sample per row, separated by commas, semicolons or tabs. The first row is a header unless its
        features are numbers. The target is the last column, or the one that --target gives: its name, or its
        index from 0 (negative: from the end). Quoted text may contain separators.
  .npy  a table; the target is the last column, or the one whose index --target gives.
  .npz  arrays X (or x) and y; --target names another array than y.
Without DATA it trains on the 1,797 handwritten digits of 8 x 8 pixels that come with steepest.

The losses softmax and hinge need class labels, which may be numbers or text. With squared_error, a target of
numbers is fitted by regression and judged by RMSE and R^2; labels given as text (and the digits) are learned
as outputs of 0 and 1. Features are standardized with the mean and standard deviation of the training rows,
and clipped at 5 standard deviations. The target of a regression is standardized too. The means and deviations
are saved with the network, and predict uses them.
"""
_PREDICT = """\
Print one prediction per line for the rows of FILE, with the labels of the training table.

FILE contains the features only, as .csv, .npy or .npz (X, x, or its only array). If the network was trained
on a table with a header, a .csv with a header may have the columns in any order, and other columns as well.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``steepest``; by default the process's own.

    Returns
    -------
    int
        The exit code; see the top of this file.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a label that the terminal cannot show is no error
    try:
        _run(arguments)
        sys.stdout.flush()
        return 0
    except KeyboardInterrupt:
        print("steepest: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        _abandon_stdout()
        return 141  # as a shell reports a process that SIGPIPE ended
    except UserError as error:
        message = str(error)
    except MemoryError as error:
        message = f"not enough memory: {error}"
    except OSError as error:
        _abandon_stdout()
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    print("steepest: error:", message.replace("\n", " "), file=sys.stderr)
    return 2


def _run(arguments: Sequence[str] | None) -> None:
    options = _parser().parse_args(arguments)
    with ExitStack() as stack:
        try:
            stack.enter_context(config(options.backend, options.threads, options.isa))
        except ValueError as error:
            raise UserError(str(error)) from None
        options.command(options)


def _abandon_stdout() -> None:
    """Let what stdout still holds go nowhere, if it cannot be written, rather than fail again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="steepest", description="Train and use small neural networks on a CPU.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"steepest {__version__}")
    parser.set_defaults(backend=None, threads=None, isa=None)
    commands = parser.add_subparsers(required=True, metavar="{train,predict,info}")
    computing = argparse.ArgumentParser(add_help=False)
    group = computing.add_argument_group("computing")
    group.add_argument("--threads", type=_integer("threads", 1), metavar="N", help="number of threads")
    group.add_argument(
        "--backend",
        choices=("native", "reference"),
        help="compiled kernels (native), or plain NumPy (reference)",
    )
    group.add_argument("--isa", metavar="NAME", help="instruction set: sse2, avx2, avx512 or neon")
    add: Callable[..., argparse.ArgumentParser] = partial(
        commands.add_parser, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    _add_train(add("train", parents=[computing], help="train a network on a table", description=_TRAIN))
    _add_predict(
        add("predict", parents=[computing], help="predict with a saved network", description=_PREDICT)
    )
    info = add("info", help="show versions, instruction sets and threads")
    info.set_defaults(command=_commands.info)
    return parser


def _add_train(train: argparse.ArgumentParser) -> None:
    rates = ", ".join(f"{rate} for {loss}" for loss, rate in _commands.LEARNING_RATES.items())
    add = train.add_argument
    add("data", nargs="?", type=Path, metavar="DATA", help="a .csv, .npy or .npz file; default: the digits")
    add("--target", metavar="COLUMN", help="column to predict; default: the last column, or y of an .npz")
    sizes = "sizes of the hidden layers, for example 256,128; none for a linear model; default: 100"
    add("--hidden", type=_hidden, default=(100,), metavar="SIZES", help=sizes)
    activation = "activation of the hidden layers; default: relu"
    add("--activation", choices=ACTIVATIONS, default="relu", help=activation)
    loss = "loss to minimize; default: softmax"
    add("--loss", choices=_commands.LEARNING_RATES, default="softmax", help=loss)
    kinds = "penalty on the weights: l2:1e-4, l1:1e-5, elastic_net:1e-4,0.5 (strength, beta); default: none"
    add("--penalty", type=_penalty, metavar="KIND:STRENGTH", help=kinds)
    positive = _real("learning rate", _checks.positive)
    add("--learning-rate", type=positive, metavar="RATE", help=f"learning rate; default: {rates}")
    momentum = "momentum of the gradient descent; default: 0.9"
    add("--momentum", type=_real("momentum", _checks.fraction), default=0.9, metavar="M", help=momentum)
    batch = "number of samples per step; default: 32"
    add("--batch-size", type=_integer("batch size", 1), default=32, metavar="N", help=batch)
    epochs = "passes over the training rows; default: 30"
    add("--epochs", type=_integer("epochs", 1), default=30, metavar="N", help=epochs)
    seeds = "seed of the initial weights and shuffles; the held-out rows do not depend on it; default: 0"
    add("--seed", type=_integer("seed", 0, 2**64 - 1), default=0, metavar="N", help=seeds)
    share = "fraction of the rows, or of each class, to hold out for testing; default: 0.2"
    add("--test-fraction", type=_real("test fraction", _checks.inside), default=0.2, metavar="F", help=share)
    add(
        "--output",
        type=Path,
        metavar="FILE",
        help="default: the name of DATA with .safetensors, in this folder",
    )
    add("--quiet", action="store_true", help="print no progress bar and no line per epoch")
    train.set_defaults(command=_commands.train)


def _add_predict(predict: argparse.ArgumentParser) -> None:
    add = predict.add_argument
    add("model", type=Path, metavar="MODEL", help="a .safetensors file that steepest saved")
    add("file", type=Path, metavar="FILE", help="a .csv, .npy or .npz file with the features")
    add("--output", type=Path, metavar="OUT.csv", help="write to this file, not to the terminal")
    add(
        "--probabilities",
        action="store_true",
        help="print a table: the prediction and the probability of each class",
    )
    predict.set_defaults(command=_commands.predict)


# What turns an option's text into its value; argparse puts the option's name before the message.


def _valid(make: Callable[[], _T]) -> _T:
    try:
        return make()
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _integer(name: str, minimum: int, maximum: int = _checks.LARGEST_INTEGER) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = _number(int, text, "an integer")
        return _valid(lambda: _checks.integer(number, name, minimum=minimum, maximum=maximum))

    return parse


def _real(name: str, check: Callable[[object, str], float]) -> Callable[[str], float]:
    def parse(text: str) -> float:
        number = _number(float, text, "a number")
        return _valid(lambda: check(number, name))

    return parse


def _number(kind: Callable[[str], _T], text: str, noun: str) -> _T:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r:.80} is not {noun}") from None


def _hidden(text: str) -> tuple[int, ...]:
    if text.strip() in ("", "none"):
        return ()
    return tuple(map(_integer("hidden size", 1), text.split(",")))


def _penalty(text: str) -> Penalty | None:
    kinds: dict[str, Callable[..., Penalty]] = {"l2": L2, "l1": L1, "elastic_net": ElasticNet}
    kind, _, numbers = text.partition(":")
    if text == "none":
        return None
    values = [_number(float, number, "a number") for number in numbers.split(",")] if numbers else []
    if kind not in kinds or len(values) != (2 if kind == "elastic_net" else 1):
        raise argparse.ArgumentTypeError(
            f"{text!r:.80} is not a penalty such as l2:1e-4, l1:1e-5, elastic_net:1e-4,0.5 or none"
        )
    return _valid(lambda: kinds[kind](*values))
