"""Checkpoints of a fit to a table: how far each network is, and which of them have ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._checks import Array
from ...model import Sequential
from ...training.checkpoints import PARTS as OF_TRAINER
from ...training.checkpoints import (
    Asked,
    Checkpointing,
    Every,
    fingerprint,
    last_act,
    named,
    reading,
    require_same,
)
from .._fitting.checkpoints import random_state

PARTS = ("identity", "draws", "seconds", "max_time", "cosines", "networks")
_FREE = {"n_threads", "progress", "max_time"}  # may differ
_EACH_EPOCH = Every(1, "epochs")


@dataclass
class Slot:
    """What is kept of one network.

    begun : its trainer's checkpoint of the last epoch, unless it has ended in time. ended : how it has ended,
        if it has. path, source : of the fit's checkpoints. wrote : is told of an epoch, by its steps, or with
        None of an end.
    """

    begun: Mapping[str, Any] | None = None
    ended: Mapping[str, Any] | None = None
    path: str | None = None
    source: str | None = None
    wrote: Callable[[int | None], None] = lambda steps: None
    _end: Mapping[str, Any] | None = None

    @property
    def asked(self) -> Asked:
        """What its trainer is asked: to go on from what was begun, and to hand over its state each epoch."""
        source = None if self.begun is None else self.source
        return Asked(self.path, _EACH_EPOCH, source, self.begun, sink=self._take)

    def _take(self, tree: Mapping[str, Any]) -> None:
        if tree["stopped"]:
            return  # its end follows
        before = 0 if self.begun is None else self.begun["trainer"]["steps_done"]
        self.begun = {**tree, "way_back": None}  # a member is that of its best epoch, however the loss goes
        self.wrote(tree["trainer"]["steps_done"] - before)

    def end(self, network: Sequential, best_epoch: int, value: float, epochs: int, *, in_time: bool) -> None:
        """The network is what it stays, if the fit does not fail."""
        if self.path is not None:
            told = {"state": network.state_dict(), "best_epoch": best_epoch, "value": value}
            self._end = {**told, "epochs": epochs, "in_time": in_time}

    def settle(self) -> None:
        """The fit has not failed: it was not that which cut the network short, so it is written."""
        if self._end is not None:
            self.ended = self._end  # first: another network's thread may be writing the file
            if self._end["in_time"]:
                self.begun = None
            self.wrote(None)

    def restored(self, network: Sequential) -> tuple[int, float, int]:
        """Make the network what it was at its end; return best epoch, value and epochs."""
        with reading(self.source):
            assert self.ended is not None
            network.load_state_dict(self.ended["state"])
            return int(self.ended["best_epoch"]), float(self.ended["value"]), int(self.ended["epochs"])


class Checkpoints:
    """Those that one fit writes, and goes on from.

    The inputs and what is held out are not in the file: they follow from the table and the random numbers.

    asked : its arguments. max_time : seconds.
    """

    def __init__(self, asked: Asked, max_time: float) -> None:
        self._asked, self._max_time = asked, max_time
        self._draws: Any = None
        self._writes: Checkpointing | None = None
        self._slots: dict[str, Slot] = {}
        self._done, self._lock, self._begun = (0, 0), Lock(), perf_counter()
        self.cosines: bool | None = None  # whether they were chosen, once that is known
        self.accepted = False  # whether the fit is that of the file, or there is none

    def random(self, given: Any) -> np.random.RandomState:
        """The random numbers of a parameter, as they were before the fit that this one goes on from."""
        random, self._draws = random_state(given, self._asked)
        return random

    def begin(self, identity: Callable[[], Mapping[str, str]], begun: float) -> float:
        """Look at what the fit goes on from, if anything, which must be of a fit with the same identity.

        Returns when the fit would have begun, had nothing interrupted it.
        """
        asked, tree = self._asked, self._asked.tree
        if asked.nothing:
            return begun
        known = identity()
        if asked.read is not None and tree is not None:
            with reading(asked.read):
                kept = dict(tree["identity"])
            require_same(asked.read, kept, known)
            with reading(asked.read):
                begun -= tree["seconds"]
                self.cosines, longer = tree["cosines"], self._max_time > tree["max_time"]
                for name, told in tree["networks"].items():
                    self._keep(name, told["begun"], told["ended"], longer)
        if asked.write is not None:
            self._writes = Checkpointing(asked.write, asked.every, known, asked.whole, anew=asked.anew)
            self._writes.clock.begin(*self._done)
        self._begun, self.accepted = begun, True
        return begun

    def slot(self, name: str) -> Slot:
        """Of the network of that name."""
        if name not in self._slots:
            self._slots[name] = Slot(path=self._asked.write, source=self._asked.read, wrote=self._wrote)
        return self._slots[name]

    def choose(self, cosines: bool) -> None:
        """Keep which embedding is the better one, and nothing else of the networks that have shown it."""
        self.cosines, self._slots = cosines, {}

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """A block that writes how far the networks are if an error ends it, such as Ctrl-C."""
        try:
            yield
        except BaseException as error:
            last_act(self.end, error)
            raise

    def end(self) -> None:
        """No network learns any more: all have ended, perhaps before this fit."""
        if self._writes is not None and not self._writes.clock.stands(*self._done):
            self._write(self._writes)

    def _keep(self, name: str, begun: Any, ended: Any, longer: bool) -> None:
        """Take over what a file has of a network; what time had ended goes on if there is more of it now."""
        if begun is not None and not set(begun) >= set(OF_TRAINER):
            raise ValueError(f"of network {name!r:.80}, parts are missing")
        slot = self.slot(name)
        slot.begun, slot.ended = begun, ended
        if ended is not None and longer and not ended["in_time"]:
            slot.ended = None

    def _wrote(self, steps: int | None) -> None:
        with self._lock:
            writes = self._writes
            self._done = self._done[0] + (steps is not None), self._done[1] + (steps or 0)
            if writes is not None and (steps is None or writes.clock.due(*self._done)):
                self._write(writes)

    def _write(self, writes: Checkpointing) -> None:
        networks = {name: {"begun": s.begun, "ended": s.ended} for name, s in self._slots.items()}
        tree = {
            "identity": writes.identity,
            "draws": self._draws,
            "seconds": perf_counter() - self._begun,
            "max_time": self._max_time,
            "cosines": self.cosines,
            "networks": networks,
        }
        writes.write_tree(tree, *self._done)


def identity(
    estimator: Any, encoded: NDArray[np.float32], y: Array, weight: Array | None
) -> Mapping[str, str]:
    """What a fit is known by: settings, classes, and each column by its encoding and its inputs.

    y, encoded : of the rows that count. weight : of all rows.
    """
    known: dict[str, Any] = {"estimator": type(estimator).__name__}
    known |= {name: v for name, v in estimator.get_params(deep=False).items() if name not in _FREE}
    if (classes := getattr(estimator, "classes_", None)) is not None:
        known["classes"] = classes.tolist()
    texts = {name: named(v.item() if isinstance(v, np.generic) else v) for name, v in known.items()}
    start = 0
    for place, encoding in enumerate(estimator.encoder_.encodings_):
        width = len(encoding.counts)
        own = encoded[:, start : start + width]
        texts[f"column {place}"] = f"{encoding!r}, {fingerprint(own) if width else 'no input'}"
        start += width
    texts["training y"] = fingerprint(y)  # before what may follow from it, the weights of classes
    return texts | {"training weights": "none" if weight is None else fingerprint(weight)}
