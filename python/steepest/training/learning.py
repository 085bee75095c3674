"""`Learning`: how a compiled model learns, and what its optimizer and its average keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from .. import _checks
from .._checks import Array
from .._description import check_dtype
from ..averaging import Averaging, as_averaging
from ..backends.data import Average, OptimizerState, TrainConfig, TrainState
from ..backends.memory import write
from ..backends.sparse import SparseRows
from ..compile.compiled import Compiled
from ..compile.objective import check_clipping, objective_of
from ..compile.rate_factors import rate_factors_of
from ..constraints import MaxNorm, as_constraint
from ..losses import Loss, LossFunction
from ..optimizers import SGD, Optimizer, as_optimizer, is_lazy
from ..penalties import Penalties
from ..schedules import rate_of, unit_of


class Learning:
    """Of one model: the config and the state that each step takes.

    Parameters
    ----------
    compiled : Compiled
        Changed in place.
    loss, optimizer, penalty, clip_value, clip_norm, constraint, averaging, rate_factors, frozen
        See `Trainer`.

    Attributes
    ----------
    state : TrainState
    """

    def __init__(
        self,
        compiled: Compiled,
        loss: str | Loss | LossFunction,
        optimizer: str | Optimizer,
        penalty: Penalties,
        clip_value: float | None,
        clip_norm: float | None,
        constraint: MaxNorm | None,
        averaging: Averaging | None,
        rate_factors: Mapping[int, float] | None = None,
        frozen: Iterable[int] = (),
    ) -> None:
        self.compiled = compiled
        loss, penalties = objective_of(compiled, loss, penalty)
        clip_value = None if clip_value is None else _checks.positive(clip_value, "clip_value")
        clip_norm = None if clip_norm is None else _checks.positive(clip_norm, "clip_norm")
        check_dtype(as_constraint(constraint), compiled.dtype)
        average = None
        if (averaging := as_averaging(averaging)) is not None:
            average = Average(averaging, compiled.zeros(), np.zeros(1, np.int64))
        check_clipping(clip_value, clip_norm, compiled.dtype)
        factors = rate_factors_of(rate_factors, frozen, compiled.layers)
        config = TrainConfig(loss, penalties, SGD(), clip_value, clip_norm, constraint, rate_factors=factors)
        self.state = TrainState(config, average=average)
        self.use(optimizer)

    def use(self, optimizer: str | Optimizer) -> None:
        """Take another optimizer. If it keeps the same kind of state, the state stays."""
        slots = (optimizer := as_optimizer(optimizer)).slots
        check_dtype(optimizer, self.compiled.dtype)
        kept = self.state.optimizer
        if slots != tuple(kept.slots):
            zeros = {name: self.compiled.zeros() for name in slots}
            kept = OptimizerState(zeros, kept.steps, self.steps_done)
        rate = optimizer.learning_rate
        self._rate = None if callable(rate) else float(rate)
        self._unit = unit_of(rate)
        config = replace(self.state.config, optimizer=optimizer)
        self.state = replace(self.state, config=config, optimizer=kept)

    def begin_state(self, step: int) -> None:
        """Let what the optimizer keeps have begun at that step."""
        if step != self.state.optimizer.state_start:
            self.state = replace(self.state, optimizer=replace(self.state.optimizer, state_start=step))

    def check_lazy(self, x: Array | SparseRows) -> None:
        """Refuse sparse rows where the optimizer leaves weights alone that a penalty is to change."""
        penalty = self.state.config.penalties[0] if isinstance(x, SparseRows) else None
        if penalty is not None and (penalty.l2 or penalty.l1) and is_lazy(self.optimizer):
            raise ValueError(
                f"X is sparse, and {penalty!r} changes all weights of the first layer in each "
                "step, but a lazy optimizer only those of features that a batch has: leave out lazy=True, or "
                "give penalties to later layers alone, as in penalty={2: st.L2(1e-4)}"
            )

    @contextmanager
    def inputs_as_before(self) -> Iterator[None]:
        """A fit: if it ends with an error before its first step, the inputs' statistics are as before."""
        inputs, steps, state = self.compiled.inputs, self.steps_done, self.state
        before = None if inputs is None else inputs.statistics.copy()
        try:
            yield
        except BaseException:
            unchanged = self.steps_done == steps and self.state is state  # another fit's are the state's too
            if inputs is not None and before is not None and unchanged:
                ours = [(inputs.statistics, before)]
                self.compiled.turns.compute(lambda: write(ours))
            raise

    @property
    def loss(self) -> Loss:
        """The loss that is minimized."""
        return self.state.config.loss

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer in use."""
        return self.state.config.optimizer

    @property
    def steps_done(self) -> int:
        """Updates so far: the next step's number."""
        return int(self.state.optimizer.steps[0])

    def rate(self, epoch: int) -> float:
        """The learning rate of the next step, which belongs to that epoch."""
        if self._rate is not None:
            return self._rate
        number = epoch if self._unit == "epoch" else self.steps_done
        return rate_of(self.optimizer.learning_rate, number, self.compiled.dtype, self._unit)

    def averaged(self) -> list[Array] | None:
        """The averages of the arrays that have a gradient; None while nothing has been averaged."""
        average = self.state.average
        if average is None or average.updates[0] <= average.averaging.start:
            return None
        return self.compiled.arrays(average.values)

    def changed_arrays(self) -> list[Array]:
        """Every array that a step changes."""
        return self.compiled.changed_arrays(self.state.optimizer) + self.average_arrays()

    def average_arrays(self) -> list[Array]:
        """Those of the average alone."""
        average = self.state.average
        return [] if average is None else [*self.compiled.arrays(average.values), average.updates]

    def copies(self) -> list[tuple[Array, Array]]:
        """Every array that a step changes, with a copy of what it holds now: for `write` to go back to."""
        return [(array, array.copy()) for array in self.changed_arrays()]

    def average_copies(self) -> list[tuple[Array, Array]]:
        """The same of the average alone."""
        return [(array, array.copy()) for array in self.average_arrays()]
