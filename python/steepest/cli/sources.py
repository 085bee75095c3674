"""What a command reads: tables, by the options, and models."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ..ensemble import Ensemble
from ..loading import load
from ..model import Sequential
from ..storage import ModelFileError
from ..tables import (
    ALONE,
    Peers,
    Plan,
    ReadOptions,
    Table,
    TableEnsemble,
    TableModel,
    choose,
    digits,
    own_rows,
    read,
    read_own,
    rebalanced,
)
from . import values
from .errors import UserError
from .output import STANDARD

_MODEL = ".safetensors"
_TABLES = (".csv", ".tsv", ".txt", ".gz", ".parquet", ".xlsx", ".npy", ".npz")


def reading(options: Namespace, names: Sequence[str] = ()) -> ReadOptions:
    """How text files are read, which may have these names in a header."""
    return ReadOptions(
        separator=options.separator,
        decimal=options.decimal,
        thousands=options.thousands,
        encoding=options.encoding,
        header=options.header,
        missing_values=tuple(options.missing_values or ()),
        names=tuple(names),
    )


def table(path: Path, options: Namespace, named: Sequence[str] = (), peers: Peers = ALONE) -> Table:
    """The table of a file, or of standard input; of several processes, each has some of its rows."""
    if peers.several:
        return read_own(source(path), reading(options, named), peers)
    return read(source(path), reading(options, named))


def source(path: Path) -> Path | Literal["-"]:
    """What `read` takes for a file or for standard input, unless it is a model."""
    check_table(path)
    return "-" if path == STANDARD else path


def check_table(path: Path | None) -> None:
    """Refuse a model in the place of a table."""
    if path is not None and path.suffix.lower() == _MODEL:
        raise UserError(f"{path}: is a model, where a table is needed")


def training_table(options: Namespace, peers: Peers) -> Table:
    """The table to learn."""
    if options.data is None:
        if options.target is not None:
            raise UserError("--target needs DATA: the digits have no columns to choose from")
        return own_rows(digits(), peers) if peers.several else digits()
    given = [options.target, options.features, options.drop, options.categorical]
    words = [word for texts in given for text in texts or () for word in (text, *values.texts(text))]
    named = [word for word in words if not values.is_place(word)]
    return table(options.data, options, named, peers)


def stem(path: Path | None) -> str:
    """The name of the model of a table, without an extension."""
    if path is None:
        return "digits"
    name = "model" if path == STANDARD else path.name
    return name.partition(".")[0] or name


def plan(table: Table, options: Namespace) -> Plan:
    """What is learned from which columns."""
    chosen = choose(
        table,
        target=names(options.target, table),
        task=options.task,
        features=names(options.features, table),
        drop=names(options.drop, table) or (),
        categorical=names(options.categorical, table) or (),
        missing=options.missing,
    )
    return rebalanced(chosen) if table.peers.several else chosen


def model(path: Path) -> Sequential | Ensemble | TableModel | TableEnsemble:
    """A saved model, with the preparation of its table unless it was saved without one."""
    if not path.exists():
        raise UserError(f"{path}: no such file")
    if not path.is_file():
        raise UserError(f"{path}: is not a file")
    if path.suffix.lower() in _TABLES:
        raise UserError(f"{path}: is a table, where a saved model (.safetensors) is needed")
    try:
        found = load(path)
    except (ModelFileError, ImportError) as error:
        raise UserError(str(error)) from None
    if not isinstance(found, Sequential | Ensemble | TableModel | TableEnsemble):
        kind = type(found).__name__
        raise UserError(f"{path}: has a {kind}, for arrays: steepest.load(path).predict(X) in Python")
    return found


def names(texts: Sequence[str] | None, table: Table) -> list[str] | None:
    """Columns that options name: each text is one name, if the table has it, or several between commas."""
    if texts is None:
        return None
    known = set(table.columns)
    return [name for text in texts for name in ([text] if text in known else values.texts(text))]
