"""Choose: the processes that the fits of `fit_many` run in, of joblib, Dask or Ray.

Each kind ships the data once, and yields what its workers return as it comes. Dask and Ray are spoken to
directly: joblib's backend for Dask waits for ever once Dask has given a task up, and that for Ray starts its
workers anew in each call and fits nothing again after one has died.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from concurrent.futures.process import BrokenProcessPool
from importlib.util import find_spec
from itertools import islice
from typing import Any

from joblib import Parallel, delayed, parallel_config
from joblib.parallel import ParallelBackendBase, SequentialBackend, ThreadingBackend, get_active_backend

from ..._config import get_num_threads

Task = tuple[Any, ...]  # the arguments of one call, after the data


class Workers(ABC):
    """Processes that call a function with the data and each of many tasks, at most so many at once."""

    lost: tuple[type[BaseException], ...] = ()  # errors after which the tasks without a result begin again

    def __init__(self, backend: Any, most: int | None) -> None:
        self._backend = backend
        self._most = most

    @abstractmethod
    def results(
        self, function: Callable[..., Any], data: Any, tasks: Sequence[Task]
    ) -> Generator[Any, None, None]:
        """What ``function(data, *task)`` returns, in the order in which the calls end; or its error."""


class JoblibWorkers(Workers):
    """Those of any backend of joblib. "loky" maps large arrays into its workers' memory."""

    lost = (BrokenProcessPool,)

    def results(
        self, function: Callable[..., Any], data: Any, tasks: Sequence[Task]
    ) -> Generator[Any, None, None]:
        way = "generator_unordered" if self._backend.supports_return_generator else "list"
        parallel = Parallel(self._most, backend=self._backend, return_as=way)
        yield from parallel(delayed(function)(data, *task) for task in tasks)


class DaskWorkers(Workers):
    """Those of a cluster, which repeats the tasks of a worker that dies, and gives up after three more."""

    def results(
        self, function: Callable[..., Any], data: Any, tasks: Sequence[Task]
    ) -> Generator[Any, None, None]:
        import dask
        from distributed import as_completed

        client = self._backend.client
        with self._backend.retrieval_context():  # a worker that waits for others frees its own place
            # The data come as the result of a task, which Dask repeats when they are lost with a worker:
            # what is scattered is lost for good. It would warn of their size.
            with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 PiB"}):
                shipped = client.submit(_same, data, pure=False)
            waiting = (client.submit(function, shipped, *task, pure=False) for task in tasks)
            running = set(islice(waiting, self._most))
            ended = as_completed(list(running))
            try:
                for future in ended:
                    running.remove(future)
                    yield future.result()
                    more = list(islice(waiting, 1))
                    running.update(more)
                    ended.update(more)
            finally:
                client.cancel(list(running))


def _same(data: Any) -> Any:
    return data


class RayWorkers(Workers):
    """Those of a cluster, which repeats the tasks of a worker that dies, up to three times."""

    def results(
        self, function: Callable[..., Any], data: Any, tasks: Sequence[Task]
    ) -> Generator[Any, None, None]:
        import ray

        shipped, remote = ray.put(data), ray.remote(function)
        waiting = (remote.remote(shipped, *task) for task in tasks)
        running = list(islice(waiting, self._most))
        try:
            while running:
                [done], running = ray.wait(running)
                running += islice(waiting, 1)
                yield ray.get(done)
        finally:
            for left in running:
                ray.cancel(left, force=True)


def workers_of(backend: Any, most: int | None) -> Workers | int:
    """What `fit_many` is to use, at most so many at once; a number: so many threads of this process."""
    active, jobs = get_active_backend() if backend is None else (_made(backend), -1)
    kinds = [kind.__name__ for kind in type(active).__mro__]
    if "DaskDistributedBackend" in kinds:
        return DaskWorkers(active, most)
    if "RayBackend" in kinds:
        return RayWorkers(active, most)
    if isinstance(active, ThreadingBackend | SequentialBackend) or jobs in (None, 1):
        return most or (jobs if jobs is not None and jobs > 1 else get_num_threads())
    return JoblibWorkers(active, most or jobs)


def _made(backend: Any) -> Any:
    """The backend of joblib that a caller names."""
    named = {"backend": backend}
    if type(backend).__module__.partition(".")[0] == "distributed":
        named = {"backend": "dask", "client": backend}
    elif not isinstance(backend, str | ParallelBackendBase):
        raise TypeError(
            "backend must be the name of a backend of joblib, such as 'loky', 'dask' or 'ray', or a "
            f"distributed.Client, not {backend!r:.80}"
        )
    elif backend == "ray":
        try:
            from ray.util.joblib import register_ray
        except ImportError as error:
            raise ImportError("backend='ray' needs Ray: pip install 'steepest[ray]'") from error
        register_ray()
    if named["backend"] == "dask" and find_spec("distributed") is None:
        raise ImportError("backend='dask' needs Dask: pip install 'steepest[dask]'")
    try:
        with parallel_config(**named):
            return get_active_backend()[0]
    except ValueError as error:  # which names those that joblib has now
        raise ValueError(f"{error}, or 'dask' or 'ray'") from None
