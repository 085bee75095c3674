"""fit_many: differently configured estimators fitted at once, one a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from ... import _checks
from ..._config import get_num_threads
from .shared import SharedFits, shared_fits

Result = TypeVar("Result")


def fit_many(
    estimator: Any,
    parameters: Mapping[str, Sequence[Any]] | Iterable[Mapping[str, Any]],
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    n_threads: int | None = None,
    progress: bool = True,
) -> list[Any]:
    """Fit an estimator with each of many parameter settings, as many at once as there are threads.

    Each fit uses one thread, which is best for small networks, and all share X. The fits run in native code
    side by side in this process, so no data are copied or sent to workers, unlike in a grid search.

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
        Number of fits that run at once; by default `steepest.get_num_threads()`. The n_threads of the
        estimators is ignored.
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
        As for a fit, and if there are no settings. The first error ends all fits.
    KeyboardInterrupt
        On Ctrl-C, which ends all fits.

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
    if n_threads is None:
        n_threads = get_num_threads()
    workers = _checks.integer(n_threads, "n_threads", minimum=1)
    weighted = {} if sample_weight is None else {"sample_weight": sample_weight}

    def fit(one: Any) -> None:
        one.fit(X, y, **weighted)

    side_by_side([partial(fit, one) for one in estimators], SharedFits(), workers, progress)
    return estimators


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
