"""`joined`: the processes of one training, from its beginning to the end of all."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...tables import ALONE, Elsewhere, Peers, RankedPeers
from ...training.ranks import launched, world
from ..errors import UserError
from ..output import interrupted
from .one import One

_ALONE = "give --no-ranks"
_PATIENCE = 0.5  # seconds, from Ctrl-C to the end of all


@contextmanager
def joined(options: Namespace) -> Iterator[Peers]:
    """The processes that train together, in a block that ends well for all of them or for none.

    Of an error, one of them speaks.

    Raises
    ------
    ImportError
        If several were started, and mpi4py or an MPI is missing.
    UserError
        If they do not know of each other, or an option does not suit several.
    """
    peers = _peers(options)
    try:
        with peers.together():
            if peers.several:
                _check(options, peers)
            yield peers
    except Elsewhere:
        raise SystemExit(2) from None
    except KeyboardInterrupt as interruption:
        if len(peers.own) == peers.shards:
            raise
        if peers.leads:
            interrupted(interruption)
        time.sleep(_PATIENCE)
        peers.communicator.Abort(130)


def _peers(options: Namespace) -> Peers:
    count = launched(os.environ)
    if options.ranks is False or (options.ranks is None and count == 1):
        return ALONE if options.shards is None else _ranked(One(), options.shards)
    try:
        communicator = world(f"{_ALONE}, so that each trains by itself", _ALONE)
    except RuntimeError as error:
        raise UserError(str(error)) from None
    alone = communicator.Get_size() == 1 and options.shards is None
    return ALONE if alone else _ranked(communicator, options.shards)


def _ranked(communicator: Any, shards: int | None) -> Peers:
    try:
        return RankedPeers(communicator, shards)
    except ValueError as error:
        if communicator.Get_rank():
            raise SystemExit(2) from None
        raise UserError(f"--{error}") from None


def _check(options: Namespace, peers: Peers) -> None:
    """Refuse what cannot be divided, and processes that were started for different things."""
    given = {name: str(value) for name, value in vars(options).items() if name != "command"}
    if odd := peers.odd(given):
        first, rank, other = odd
        name = next(name for name in first if first[name] != other[name])
        raise UserError(
            f"--{name.replace('_', '-')} is {first[name]} for rank 0, but {other[name]} for rank {rank}: "
            "--no-ranks lets each process train by itself"
        )
    for option, used in (("--cv", options.cv), ("--model tabular", options.model == "tabular")):
        if used:
            raise UserError(f"{option} trains in one process: leave out mpiexec and --shards, or {option}")
