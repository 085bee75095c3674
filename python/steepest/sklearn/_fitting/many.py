"""fit_many: differently configured estimators fitted at once, one a thread or a worker."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from ... import _checks
from ..._config import current
from .remote import Shipped, fitted
from .shared import SharedFits, shared_fits
from .workers import Workers, workers_of

Result = TypeVar("Result")

_MOST_LOSSES = 3  # of workers in a row without a fit that ends


def fit_many(
    estimator: Any,
    parameters: Mapping[str, Sequence[Any]] | Iterable[Mapping[str, Any]],
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    n_threads: int | None = None,
    backend: Any = None,
    progress: bool = True,
) -> list[Any]:
    """Fit an estimator with each of many parameter settings, as many at once as there are threads or workers.

    Each fit uses one thread, which is best for small networks, and all share X. By default the fits run in
    native code side by side in this process, so no data are copied or sent to workers, unlike in a grid
    search. With `backend`, or within a block of `joblib.parallel_config` that asks for more than one worker,
    they run in other processes or on other machines, to which the data are sent once.

    Parameters
    ----------
    estimator : estimator
        One of `steepest.sklearn`; it is cloned for each setting, and stays as it is.
    parameters : dict of sequences, or iterable of dict
        A grid, whose combinations are taken in the order of scikit-learn's `ParameterGrid`, or a sequence of
        settings.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,), default=None
    n_threads : int, default=None
        Number of fits that run at once; by default `steepest.get_num_threads()`, or as many as the backend
        has CPUs. The n_threads of the estimators is ignored.
    backend : str, distributed.Client or joblib backend, default=None
        Where they run: "loky" for processes of this machine, "dask" for the cluster of the current
        `distributed.Client`, a Client for its cluster, "ray" for Ray's, or any other backend of joblib;
        "threading" for threads of this process. None is the backend of the enclosing
        `joblib.parallel_config`, else threads.
    progress : bool, default=True
        Show a progress bar of the fits if stderr is a terminal.

    Returns
    -------
    list of estimators
        The fitted estimators, in the order of the settings. Each is the same, to the bit, as that of a single
        fit.

    Raises
    ------
    ValueError, TypeError
        As for a fit, and if there are no settings or the backend is none. The first error ends all fits.
    KeyboardInterrupt
        On Ctrl-C, which ends all fits.
    RuntimeError
        If workers die 4 times in a row without a fit that ends; KilledWorker of Dask or WorkerCrashedError of
        Ray, if one fit has cost 4 workers. The fits of a worker that dies begin again in another one.

    Notes
    -----
    Other processes get copies: of the callbacks, which see the estimator there, and of the estimator, which
    comes back as a new one. They compute with the caller's `steepest.config`. Warnings come back with the
    estimator and are issued here.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from steepest.sklearn import MLPClassifier, fit_many
    >>> X, y = load_iris(return_X_y=True)
    >>> grid = {"alpha": [1e-4, 1e-2], "hidden_layer_sizes": [(5,), (10,), (20,)]}
    >>> models = fit_many(MLPClassifier(random_state=0, tol=1e-2), grid, X, y, progress=False)
    >>> [model.hidden_layer_sizes for model in models]
    [(5,), (10,), (20,), (5,), (10,), (20,)]
    """
    settings = list(ParameterGrid(parameters) if isinstance(parameters, Mapping) else parameters)
    if not settings:
        raise ValueError("parameters has 0 settings, but at least 1 is needed")
    estimators = [clone(estimator).set_params(**setting) for setting in settings]
    most = None if n_threads is None else _checks.integer(n_threads, "n_threads", minimum=1)
    weighted = {} if sample_weight is None else {"sample_weight": sample_weight}
    workers = workers_of(backend, most)
    if isinstance(workers, Workers):
        return _elsewhere(estimators, Shipped(X, y, weighted, current()), workers, progress)

    def fit(one: Any) -> None:
        one.fit(X, y, **weighted)

    side_by_side([partial(fit, one) for one in estimators], SharedFits(), workers, progress)
    return estimators


def _elsewhere(estimators: Sequence[Any], shipped: Shipped, workers: Workers, progress: bool) -> list[Any]:
    """The fitted estimators of other processes; what a worker that dies takes along is begun again."""
    done: dict[int, Any] = {}
    losses = 0
    with _bar(len(estimators), progress) as bar:
        while left := [(place, one) for place, one in enumerate(estimators) if place not in done]:
            try:
                with closing(workers.results(fitted, shipped, left)) as results:
                    for place, estimator, warned in results:
                        done[place], losses = estimator, 0
                        bar.update()
                        for message, category in warned:
                            warnings.warn(message, category, stacklevel=_checks.caller_level())
            except workers.lost as error:
                losses += 1
                if losses > _MOST_LOSSES:
                    raise RuntimeError(
                        f"workers died {losses} times in a row while {len(left)} of {len(estimators)} fits "
                        "were to be done: perhaps one of these needs more memory than a worker has"
                    ) from error
                warnings.warn(
                    f"a worker died ({type(error).__name__}): {len(estimators) - len(done)} of "
                    f"{len(estimators)} fits begin again",
                    RuntimeWarning,
                    stacklevel=_checks.caller_level(),
                )
    return [done[place] for place in range(len(estimators))]


def side_by_side(
    fits: Sequence[Callable[[], Result]], shared: SharedFits, workers: int, progress: bool
) -> list[Result]:
    """Call functions that fit something, so many at once, each with one thread; the first error ends all."""

    def call(fit: Callable[[], Result]) -> Result:
        token = shared_fits.set(shared)
        try:
            return fit()
        finally:
            shared_fits.reset(token)

    with _bar(len(fits), progress) as bar, ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(copy_context().run, call, fit) for fit in fits]
        try:
            for done in as_completed(running):
                done.result()
                bar.update()
        except BaseException:
            shared.ended.set()
            pool.shutdown(cancel_futures=True)
            raise
    return [one.result() for one in running]


def _bar(fits: int, wanted: bool) -> Any:
    from tqdm import tqdm

    # disable=None: no bar where stderr is no terminal
    return tqdm(total=fits, unit="fit", disable=None if wanted else True, dynamic_ncols=True)
