"""`Meeting`: what the shards of a batch tell each other in the middle of their passes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from threading import Condition
from typing import Any, TypeVar

from ..._config import config, current
from .ranks import Ranks

_T = TypeVar("_T")


class Broken(Exception):
    """A shard ended that others wait for, which will be told why."""


class Meeting:
    """Of one batch: the own shards compute side by side, and meet those of other ranks at the same places.

    The first own shard has the calling thread, which alone speaks with other ranks.

    Parameters
    ----------
    ranks : Ranks
    meetings : int
        How often they meet in a batch, on all ranks alike: a rank that fails lets the others know only if
        they come to meet again.
    """

    def __init__(self, ranks: Ranks, meetings: int) -> None:
        self._ranks, self._left = ranks, meetings
        self._values: list[Any] = [None] * len(ranks.own)
        self._result: Any = None
        self._there = self._met = 0
        self._broken = False
        self._changed = Condition()

    def run(self, work: Callable[[int], _T], pool: ThreadPoolExecutor | None) -> list[_T]:
        """What the work returns for each own shard; the pool has a thread for each but the first.

        Raises
        ------
        Broken
            If a shard of another rank has failed.
        """
        each = max(1, current().num_threads // len(self._values))

        def one(place: int) -> _T:
            try:
                with config(num_threads=each):
                    return work(place)
            except BaseException:
                self._break()
                raise

        others: list[Future[_T]] = []
        failures: list[BaseException] = []
        results = []
        with self._ranks.uninterrupted():  # Ctrl-C anywhere within could leave some waiting
            try:
                if pool is not None:
                    for place in range(1, len(self._values)):
                        others.append(pool.submit(copy_context().run, one, place))
                results.append(one(0))
                wait(others)
            except BaseException as error:
                failures.append(error)
                self._break()
                wait(others)
        results += self._results(others, failures)
        if failures:
            raise next((error for error in failures if not isinstance(error, Broken)), failures[0])
        assert not self._left, f"{self._left} meetings were counted that nobody came to"
        return results

    def leave(self) -> None:
        """At the end, however it comes: let no other rank wait for what this one does not come to tell."""
        if self._left:
            self._left = 0
            self._ranks.every(None)

    def tell(self, place: int, value: Any, combine: Callable[[list[Any]], _T]) -> _T:
        """What the values of all shards make together, in their order."""
        with self._changed:
            self._values[place] = value
            self._there, met = self._there + 1, self._met
            self._changed.notify_all()
            if place == 0:
                self._changed.wait_for(lambda: self._broken or self._there == len(self._values))
                self._ranks.check()
                if not self._broken:
                    self._exchange(combine)
            else:
                self._changed.wait_for(lambda: self._broken or self._met > met)
            if self._broken:
                raise Broken
            result: _T = self._result
            return result

    def _exchange(self, combine: Callable[[list[Any]], Any]) -> None:
        told = self._ranks.every(self._values)
        self._left -= 1
        if any(own is None for own in told):  # nobody meets again
            self._left, self._broken = 0, True
        else:
            self._result = combine([value for own in told for value in own])
        self._there, self._met = 0, self._met + 1
        self._changed.notify_all()

    def _break(self) -> None:
        with self._changed:
            self._broken = True
            self._changed.notify_all()

    @staticmethod
    def _results(others: list[Future[_T]], failures: list[BaseException]) -> list[_T]:
        errors = [other.exception() for other in others]
        failures += [error for error in errors if error is not None]
        return [] if failures else [other.result() for other in others]
