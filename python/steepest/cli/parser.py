"""The command line: the commands with their options, and the exit codes.

Exit codes: 0, 2 for a mistake of the user's (one line on stderr), 130 for Ctrl-C, 141 for a closed pipe.
"""

from __future__ import annotations

import argparse
import difflib
import io
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import NoReturn

from .._config import config
from .._version import __version__
from ..tables import TableError
from . import completion, evaluate, help_texts, info, options, predict, train, values
from .errors import UserError
from .output import abandon_stdout, interrupted

_WIDTH = 80
_COMMANDS = {
    "train": "train a network on a table",
    "predict": "predict with a saved network",
    "evaluate": "evaluate a saved network on a table",
    "info": "describe a saved network, or this installation",
    "playground": "play with networks in the browser",
}


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
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed
            setattr(sys, name, io.StringIO())
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a label that the terminal cannot show is no error
    try:
        _run(sys.argv[1:] if arguments is None else list(arguments))
        sys.stdout.flush()
        return 0
    except KeyboardInterrupt as interruption:
        interrupted(interruption)
        return 130
    except BrokenPipeError:
        abandon_stdout()
        return 141  # as a shell reports a process that SIGPIPE ended
    except (UserError, TableError, ImportError) as error:
        message = str(error)
    except MemoryError as error:
        message = f"not enough memory: {error}"
    except OSError as error:
        abandon_stdout()
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    print("steepest: error:", message.replace("\n", " "), file=sys.stderr)
    return 2


def _run(arguments: Sequence[str]) -> None:
    parser = build()
    if not arguments:
        parser.print_help()
        return
    chosen = parser.parse_args(arguments)
    if chosen.print_completion is not None:
        completion.show(parser, chosen.print_completion)
        return
    if chosen.command is None:
        parser.error("a command is needed: " + ", ".join(_COMMANDS))
    with ExitStack() as stack:
        try:
            stack.enter_context(config(chosen.backend, chosen.threads, chosen.isa))
        except ValueError as error:
            raise UserError(str(error)) from None
        chosen.command(chosen)


# Options of other programs.
_ELSEWHERE = {
    "--lr": "--learning-rate",
    "--validation-split": "--validation-fraction",
    "--test-size": "--test-fraction",
    "--layers": "--hidden",
    "--random-state": "--seed",
    "--verbose": "--quiet",
}


_LISTS = ("--hidden", "--target", "--features", "--drop", "--categorical", "--keep", "--missing-values")


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, which names what may have been meant."""

    def error(self, message: str) -> NoReturn:
        if unknown := re.match(r"unrecognized arguments: (--[\w-]+)", message):
            word = _ELSEWHERE.get(unknown[1])
            known = [name for action in self._actions for name in action.option_strings]
            close = [word] if word in known else difflib.get_close_matches(unknown[1], known, n=1)
            if close:
                message += f": did you mean {close[0]}?"
        raise UserError(f"{message} (see {self.prog} --help)")

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """As argparse's; a command's parser refuses what it does not know itself, since it knows best."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown and self.prog != "steepest":
            words = sys.argv[1:] if args is None else list(args)
            self.error("unrecognized arguments: " + " ".join(unknown) + _with_commas(words, unknown))
        return found, unknown


def _with_commas(words: Sequence[str], unknown: Sequence[str]) -> str:
    """What to say of unknown words that follow an option's value, where one value lists several by commas."""
    for place, option in enumerate(words):
        if option in _LISTS:
            given = list(takewhile(lambda word: not word.startswith("-"), words[place + 1 :]))
            refused = set(given[1:]) & set(unknown)
            if option == "--hidden":  # a table may follow
                given = list(takewhile(str.isdecimal, given))
            if len(given) > 1 and refused:
                example = ",".join(given) if option == "--hidden" else "A,B"
                return f": several are separated by commas, as in {option} {example}"
    return ""


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Lines of at most 80 characters, however wide the terminal is."""

    def __init__(self, prog: str) -> None:
        width = min(_WIDTH, shutil.get_terminal_size().columns)
        super().__init__(prog, max_help_position=26, width=max(width, 40) - 2)


def build() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(
        prog="steepest",
        description=help_texts.STEEPEST,
        epilog=help_texts.STEEPEST_EXAMPLES,
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"steepest {__version__}")
    parser.add_argument(
        "--print-completion",
        choices=completion.SHELLS,
        metavar="SHELL",
        help="print a script that completes words in bash, zsh or tcsh",
    )
    parser.set_defaults(backend=None, threads=None, isa=None, command=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    add: Callable[..., argparse.ArgumentParser] = partial(
        commands.add_parser, formatter_class=_Formatter, allow_abbrev=False
    )
    fill = {
        "train": _train,
        "predict": _predict,
        "evaluate": _evaluate,
        "info": _info,
        "playground": _playground,
    }
    for name, summary in _COMMANDS.items():
        description, examples = help_texts.COMMANDS[name]
        fill[name](add(name, help=summary, description=description, epilog=examples))
    return parser


def _train(parser: argparse.ArgumentParser) -> None:
    table = "a table, or - for standard input; default: handwritten digits"
    parser.add_argument("data", nargs="?", type=Path, metavar="DATA", help=table)
    options.add_reading(parser)
    options.add_columns(parser)
    options.add_network(parser)
    options.add_training(parser)
    options.add_judging(parser)
    output = "the model's file, or - for standard output; default: the name of DATA with .safetensors, here"
    options.add_output(parser, output, quiet=True)
    options.add_computing(parser, ranks=True)
    parser.set_defaults(command=train.train)


def _model_and_table(parser: argparse.ArgumentParser, table: str) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .safetensors file that steepest saved")
    parser.add_argument("file", type=Path, metavar="FILE", help=table)


def _predict(parser: argparse.ArgumentParser) -> None:
    _model_and_table(parser, "a table with the model's features, or - for standard input")
    options.add_reading(parser)
    group = parser.add_argument_group("answers")
    group.add_argument("--probabilities", action="store_true", help="add the probability of each class")
    keep = "columns of FILE that are written before the answers, for example an id"
    group.add_argument("--keep", action="append", metavar="COLUMNS", help=keep)
    options.add_output(parser, "write to this file; default: -, the standard output", pictures=False)
    options.add_computing(parser)
    parser.set_defaults(command=predict.predict)


def _evaluate(parser: argparse.ArgumentParser) -> None:
    _model_and_table(parser, "a table with the model's features and target, or - for standard input")
    options.add_reading(parser)
    options.add_output(parser, None)
    options.add_computing(parser)
    parser.set_defaults(command=evaluate.evaluate)


def _playground(parser: argparse.ArgumentParser) -> None:
    table = "a table whose columns of numbers are shown; default: generated samples"
    parser.add_argument("data", nargs="?", type=Path, metavar="TABLE", help=table)
    port = "of 127.0.0.1; default: 8421, or another one if that is taken"
    parser.add_argument("--port", type=values.port, default=None, metavar="N", help=port)
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="only print the address")
    options.add_reading(parser)
    options.add_computing(parser)
    parser.set_defaults(command=_play)


def _play(chosen: argparse.Namespace) -> None:
    """As a command, whose modules are imported when they are needed: other commands start sooner."""
    from .playground import playground

    playground(chosen)


def _info(parser: argparse.ArgumentParser) -> None:
    model = "a .safetensors file that steepest saved; default: describe this installation"
    parser.add_argument("model", nargs="?", type=Path, metavar="MODEL", help=model)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(command=info.info)
