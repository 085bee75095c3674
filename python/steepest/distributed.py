"""One fit by several processes, on one machine or many: the ranks of an MPI communicator.

Each process has samples of its own, and all learn the same parameters. Start them with
``mpiexec -n 4 python -m mpi4py program.py``. It needs mpi4py and an MPI, which
``pip install 'steepest[mpi]'`` brings.
"""

from __future__ import annotations

from inspect import signature
from typing import Any

from numpy.typing import ArrayLike

from . import _checks
from .backends.sparse import Samples
from .training.history import History
from .training.model import Model
from .training.ranks import Ranks, ranks_of, rows_of, world
from .training.trainer import Trainer

__all__ = ["fit", "rows"]


def fit(
    model: Model,
    X: Samples,
    y: ArrayLike,
    *,
    communicator: Any = None,
    shards: int | None = None,
    **settings: Any,
) -> History:
    """Train a model in all processes of a communicator; each calls this, with samples of its own.

    The objective is that of all samples together, as if one process had them: batches have samples of every
    process, and all make the same update by the gradient of the whole batch.

    Parameters
    ----------
    model : Sequential
        Changed in place. All processes start from the parameters and the seed of rank 0.
    X : array_like or sparse matrix, (samples, in_features)
        Samples of this process; how many may differ between processes. A memory map is read where it is.
    y : array_like
        Their labels or targets, as for `Trainer.fit`.
    communicator : mpi4py.MPI.Comm, optional
        By default ``MPI.COMM_WORLD``.
    shards : int, optional
        How many parts the samples of all processes have, a power of 2. With the same `shards`, 1, 2, 4, ...
        processes learn the same parameters, to the last bit, where they have the samples that `rows` says.
        By default one part for each process.
    **settings
        Of `Trainer` and its `fit`, the same in all processes. ``batch_size`` and ``epochs`` are those of all
        samples together, ``class_weight="balanced"`` counts all of them, ``validation_split`` chooses among
        all, `Standardize` and `PiecewiseLinear` learn from all, and ``validation_data`` are of this process.
        Callbacks, checkpoints and the progress bar are those of rank 0, and what its callbacks do to the
        model and the optimizer holds for all.

    Returns
    -------
    History
        That of rank 0.

    Raises
    ------
    ImportError
        If no communicator is given, and mpi4py or an MPI is missing.
    ValueError, TypeError
        As `Trainer` and its `fit`; for a `Dropout` with a mask of rows; if a shard has fewer samples than an
        epoch has batches.
    RuntimeError
        If another process fails, which it names, the processes differ in their settings, or several were
        started of which MPI does not know.

    Warns
    -----
    RuntimeWarning
        If processes give the same samples, or use more threads than there are CPUs.

    Examples
    --------
    >>> import steepest as st
    >>> from mpi4py import MPI  # doctest: +SKIP
    >>> X, y = st.datasets.two_moons(1000)
    >>> own = st.distributed.rows(len(X), shards=8)  # doctest: +SKIP
    >>> model = st.Sequential(st.Linear(2, 8), st.ReLU(), st.Linear(8, 2))
    >>> history = st.distributed.fit(model, X[own], y[own], shards=8, epochs=20)  # doctest: +SKIP
    """
    names = set(signature(Trainer).parameters) & set(settings)
    of_trainer = {name: settings.pop(name) for name in names}
    trainer = Trainer(model, communicator=_world(communicator), shards=shards, **of_trainer)
    return trainer.fit(X, y, **settings)


def rows(samples: int, communicator: Any = None, shards: int | None = None) -> slice:
    """Return which rows of a table of so many samples are those of this process.

    Parameters
    ----------
    samples : int
    communicator, shards
        As for `fit`.

    Returns
    -------
    slice
        Of neighboring rows; the sizes of shards differ by at most one.

    Raises
    ------
    ImportError, TypeError, ValueError, RuntimeError
        As `fit`.
    """
    ranks = ranks_of(_world(communicator), shards)
    assert isinstance(ranks, Ranks)
    return rows_of(_checks.integer(samples, "samples", minimum=0), ranks)


def _world(communicator: Any) -> Any:
    if communicator is not None:
        return communicator
    return world("give a communicator", "give communicator=MPI.COMM_SELF")
