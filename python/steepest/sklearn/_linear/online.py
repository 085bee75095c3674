"""Compute: a linear classifier that learns from sparse rows as they come, by AdaGrad with implicit steps.

Features that come often make shorter steps than rare ones, and no step goes beyond what its row asks for:
there is no rate to choose, one pass is about as good as many, and a call costs what its rows have entries.
backends/reference/online.py has the formula of a step.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ... import _checks
from ..._checks import Array
from ...backends import active
from ...backends.memory import in_lines
from ...backends.online import OnlinePoint, OnlineRows
from ...backends.sparse import SparseRows
from .._common.arrays import writable
from .._fitting.job import FitJob
from .._fitting.record import NOT_FINITE
from .parameters import LinearParameters
from .rows import csr_rows, row_squares

# Where sums start, in squares of a typical number: a sure row is not made much surer by features that it has
# first. From 1e-6 to 0.1, one pass over 37,873 texts comes to the same accuracy within 0.2 points.
_FLOOR = 0.01
_LITTLE = 0.05  # of the first pass's loss: passes that gain less learn rows by heart
_FARTHEST = 1e100  # that a row's square may be


@dataclass
class Memory:
    """What steps depend on.

    sums: of each feature, and last of the intercept, over the rows so far: see backends/online.py.
    logarithms, numbers: the sum of log2|x| of the numbers in these that are not 0, and how many they are.
    """

    sums: Array
    logarithms: float = 0.0
    numbers: int = 0

    @property
    def unit(self) -> float:
        """The size of a typical number: the geometric mean, in which a wild one counts little."""
        return float(2.0 ** (self.logarithms / self.numbers)) if self.numbers else 1.0

    def see(self, rows: SparseRows, squares: Array, counts: Array) -> None:
        """Some rows more, with their x @ x, of which those count."""
        if not (most := float(squares[counts].max(initial=0))) < _FARTHEST:
            raise ValueError(
                f"x @ x is {most:.3g} for a row of X, but must be below {_FARTHEST:.0e} for "
                "solver='online': take smaller numbers"
            )
        numbers = rows.data[np.repeat(counts, np.diff(rows.indptr))]
        # Linear between powers of 2, and exact there: NumPy's logarithm has other bits on other machines.
        fractions, exponents = np.frexp(np.abs(numbers[numbers != 0]))
        self.logarithms += float((2.0 * fractions + (exponents - 2)).sum(dtype=np.float64))
        self.numbers += len(fractions)


class OnlineMixin(LinearParameters):
    """Of `solver="online"`."""

    coef_: Any
    intercept_: Any
    loss_curve_: list[float]
    best_loss_: float
    t_: int
    _learns_online = False  # whether its losses do
    _memory: Memory | None = None  # since the last fit by another solver

    def _check_settings(self, job: FitJob) -> None:
        super()._check_settings(job)
        if self.solver == "online" and not self._learns_online:
            raise ValueError(f"solver='online' is for LinearClassifier, not for {type(self).__name__}")
        if self.solver == "online" and not self._without_penalty():
            raise ValueError(
                "solver='online' has no penalty: leave penalty='l2' with alpha='auto', which is 0 then, or "
                f"set penalty=None, instead of penalty={self.penalty!r} with alpha={self.alpha}"
            )

    def _chosen_solver(self, job: FitJob, weights: int, weight: Array | None) -> str:
        """In `partial_fit` by itself, too: if the first rows that ever come are sparse."""
        begun = sparse.issparse(job.X) if job.fresh else self._memory is not None
        batches = set(self._asks_for_batches()) - {"learning_rate_init", "shuffle"}
        suits = self._learns_online and self._without_penalty() and not batches
        if self.solver == "auto" and job.incremental and begun and suits:
            return "online"
        return super()._chosen_solver(job, weights, weight)

    def _without_penalty(self) -> bool:
        return self.penalty is None or self.alpha == 0 or (self.penalty == "l2" and self.alpha == "auto")

    def _learn_online(self, job: FitJob) -> float:
        """Go through the samples once in `partial_fit`, else until the loss falls no more; its last value."""
        batch, rows = self._training_batch(job), csr_rows(job.X)
        number, dtype = len(rows), rows.dtype
        weight = np.ones(number, dtype) if batch.weight is None else batch.weight
        if not job.incremental:  # weights count by their ratios
            weight = (weight / weight[weight > 0].mean(dtype=np.float64)).astype(dtype)
        if hasattr(self, "learning_rate_init_"):  # of another solver
            del self.learning_rate_init_
        memory = self._begun(job)
        memory.see(rows, row_squares(job.X), weight > 0)
        classes = max(self.coef_.shape[0], 2)
        learner = active().online(OnlineRows(rows, batch.targets, weight, self._loss(), classes))
        point, order = self._point(memory), np.arange(number)
        self.n_iter_, value = 0, np.nan
        try:
            while self.n_iter_ == 0 or not (job.incremental or self._ended()):
                if self.shuffle and not job.incremental:
                    order = self._random_state.permutation(number)
                value = learner.learn(point, order) / float(weight.sum(dtype=np.float64))
                if not np.isfinite(value):
                    raise ValueError(NOT_FINITE)
                self._note(value, number)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=_checks.caller_level())
        self.coef_ = point.weight.T
        self.intercept_ = np.zeros_like(self.intercept_) if point.bias is None else point.bias
        return value

    def _begun(self, job: FitJob) -> Memory:
        """What is remembered, from the first call on, also where none of its rows counts."""
        if self._memory is None or job.fresh or not job.incremental:
            self._memory = Memory(np.zeros(job.X.shape[1] + 1))
        return self._memory

    def _point(self, memory: Memory) -> OnlinePoint:
        """What is moved is `coef_` itself, once it lies as rows are met best: no call copies all of it."""
        coef = self.coef_.toarray() if sparse.issparse(self.coef_) else self.coef_
        bias = np.array(self.intercept_, coef.dtype) if self.fit_intercept else None
        rate = 1.0 if self.learning_rate_init == "auto" else float(self.learning_rate_init)
        unit = memory.unit
        memory.sums = writable([memory.sums], memory.sums.dtype)[0]  # no memory map
        return OnlinePoint(in_lines(coef.T), bias, memory.sums, rate / unit, _FLOOR * unit**2, unit)

    def _note(self, loss: float, samples: int) -> None:
        """A pass over the samples."""
        self.n_iter_, self.t_, self.loss_ = self.n_iter_ + 1, self.t_ + samples, loss
        self.loss_curve_.append(loss)
        self.best_loss_ = min(self.best_loss_, loss)
        if self.verbose:
            print(f"Iteration {self.n_iter_}, loss = {loss:.8f}")

    def _ended(self) -> bool:
        losses = self.loss_curve_[-self.n_iter_ :]
        gained = losses[-2] - losses[-1] if len(losses) > 1 else np.inf
        return self.n_iter_ == self.max_iter or gained < max(float(self.tol), _LITTLE * losses[0])
