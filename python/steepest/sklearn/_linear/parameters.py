"""Declare: the parameters of linear models that are not those of all estimators."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .._common.parameters import BELOW_1, COUNT, POSITIVE, Names, parameter
from .._estimator.base import Estimator
from .._fitting.job import FitJob
from .._fitting.solver import STOCHASTIC_SOLVERS

# With others than their defaults, these ask for mini-batches, and so do validation data.
_OF_BATCHES = (
    *("batch_size", "learning_rate", "learning_rate_init", "learning_rate_schedule", "momentum", "shuffle"),
    *("early_stopping", "n_iter_no_change", "clip_value", "clip_norm", "callbacks"),
)
_REFUSED = ("early_stopping", "learning_rate_schedule", "clip_value", "clip_norm", "callbacks")
# The most that "auto" fits at once: numbers of X, which are copied as float64, and weights.
_MOST_SAMPLES, _MOST_WEIGHTS = 2**25, 2**20


@dataclass(eq=False, repr=False, kw_only=True)
class LinearParameters(Estimator):
    """What linear models are told."""

    solver: str = parameter(
        "auto",
        [Names("auto", "lbfgs", *STOCHASTIC_SOLVERS)],
        '"lbfgs" fits all samples at once, to the minimum, whatever the scales of features and targets. '
        "The others fit by mini-batches; each uses those of momentum, beta_1, beta_2 and epsilon that it "
        'has, and "adamw" decays weights by its default, 0.01. "auto" is "lbfgs", but "sgd" for partial_fit, '
        "where a parameter asks for mini-batches (batch_size, shuffle, momentum, early_stopping, "
        "n_iter_no_change, callbacks, those named learning_rate... and clip_...), where validation_data are "
        "given, and for more than 2**25 numbers in X (of a sparse one, entries) or 2**20 weights.",
    )
    learning_rate_init: float | str = parameter(
        "auto",
        [Names("auto"), POSITIVE],
        'The first learning rate. "auto" is 0.01, but for "sgd" p / (mean of x @ x + 1) over the first '
        "samples, with the p above.",
        'float or "auto"',
    )
    max_iter: int = parameter(1000, [COUNT], 'Maximum number of epochs, or of iterations of "lbfgs".')
    momentum: float = parameter(0.0, [BELOW_1], 'Momentum of "sgd".')
    fit_intercept: bool = parameter(True, ["boolean"], "Whether to fit intercepts; otherwise they are 0.")

    # ---- what they say ----------------------------------------------------------------------------------

    @property
    def _batch_solver(self) -> str:
        return "sgd" if self.solver in ("auto", "lbfgs") else self.solver

    def _check_solver(self) -> bool:
        if self.solver == "lbfgs":
            raise AttributeError("partial_fit learns by mini-batches, but solver is 'lbfgs'")
        return True

    def _check_settings(self, job: FitJob) -> None:
        super()._check_settings(job)
        if self.solver != "lbfgs":
            return
        asked = self._asks_for_batches()
        used = {name: name in asked for name in _REFUSED}
        self._refuse_without_batches({**used, "validation_data": job.validation_data is not None})

    def _asks_for_batches(self) -> list[str]:
        """The parameters that do."""
        defaults = {one.name: one.default for one in fields(self)}
        asked = [name for name in _OF_BATCHES if (getattr(self, name) or None) != (defaults[name] or None)]
        return [*asked, "callbacks"] if getattr(self, "_skl_callbacks", None) else asked

    def _chosen_solver(self, job: FitJob, weights: int) -> str:
        """What fits this job: "lbfgs", or a solver by mini-batches."""
        if self.solver != "auto":
            return self.solver
        by_batches = job.incremental or job.validation_data is not None or self._asks_for_batches()
        large = job.X.size > _MOST_SAMPLES or weights > _MOST_WEIGHTS  # a sparse one's size is its entries
        return "sgd" if by_batches or large else "lbfgs"
