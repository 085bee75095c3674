"""Declare: the parameters of linear models that are not those of all estimators."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, fields

from scipy import sparse

from ..._checks import Array
from .._common.parameters import BELOW_1, COUNT, NON_NEGATIVE, POSITIVE, Names, parameter, quoted
from .._estimator.base import Estimator
from .._fitting.job import FitJob
from .._fitting.solver import STOCHASTIC_SOLVERS
from .dual import suits
from .metric import MOST_MIXED
from .scaled import shares
from .units import Units

# With others than their defaults, these ask for mini-batches, and so do validation data.
_OF_BATCHES = (
    *("batch_size", "learning_rate", "learning_rate_init", "learning_rate_schedule", "momentum", "shuffle"),
    *("early_stopping", "n_iter_no_change", "clip_value", "clip_norm", "callbacks"),
)
_REFUSED = ("early_stopping", "learning_rate_schedule", "clip_value", "clip_norm", "callbacks")
# The most that "auto" fits at once: numbers of X, which are copied as float64, and weights.
_MOST_SAMPLES, _MOST_WEIGHTS = 2**25, 2**20
AT_ONCE = ("lbfgs", "sdca")  # solvers that need all samples
WITHOUT_BATCHES = (*AT_ONCE, "online")


@dataclass(eq=False, repr=False, kw_only=True)
class LinearParameters(Estimator):
    """What linear models are told."""

    solver: str = parameter(
        "auto",
        [Names("auto", *WITHOUT_BATCHES, *STOCHASTIC_SOLVERS)],
        '"lbfgs" fits all samples at once, to the minimum, whatever the scales of features and targets. '
        '"sdca", for "l2", goes to the minimum row by row, by dual coordinate ascent: for texts and other '
        "wide and sparse X it is usually much the fastest, and it needs no learning rate. "
        '"online", for classification, learns row by row, by AdaGrad with implicit steps and no penalty: '
        "for streams of texts, and for fits of a few passes (max_iter=2), which need no rate either. "
        f"The others, {quoted(STOCHASTIC_SOLVERS)}, fit by mini-batches; each uses those of momentum, "
        'beta_1, beta_2 and epsilon that it has, and "adamw" decays weights by its default, 0.01. "auto" is '
        '"lbfgs", or "sdca" for sparse X and more than 1500 weights where that converges soon; for '
        'partial_fit "online", if the first rows are sparse and no penalty is asked for; but "sgd" for '
        "other calls of partial_fit, where a parameter asks for batches (batch_size, shuffle, momentum, "
        "early_stopping, n_iter_no_change, callbacks, those named learning_rate... and clip_...), where "
        'validation_data are given, and in place of "lbfgs" for more than 2**25 numbers in X (of a sparse '
        "one, entries) or 2**20 weights.",
        "str",
    )
    alpha: float | str = parameter(
        "auto",
        [Names("auto"), NON_NEGATIVE],
        'Strength of the penalty. "auto" is 1e-4, but for "l2" at most m / n, where n is the sum of the '
        "sample weights, and m the mean square of the numbers in X that are not 0, or, for hinges, the mean "
        "of x @ x: many samples, and small numbers such as tf-idf values, need less.",
        'float or "auto"',
    )
    learning_rate_init: float | str = parameter(
        "auto",
        [Names("auto"), POSITIVE],
        'The first learning rate. "auto" is 0.01, but for "sgd" p / (mean of x @ x + 1) over the '
        'samples, of partial_fit the last 1,000, with the p above. For "online" it is the most that the '
        "first step moves a weight, times the size of a typical number of X (the geometric mean of those "
        'that are not 0); "auto" is 1.',
        'float or "auto"',
    )
    max_iter: int = parameter(1000, [COUNT], 'Maximum number of epochs, or of iterations of "lbfgs".')
    momentum: float = parameter(0.0, [BELOW_1], 'Momentum of "sgd".')
    fit_intercept: bool = parameter(True, ["boolean"], "Whether to fit intercepts; otherwise they are 0.")

    @abstractmethod
    def _units(self, job: FitJob, weight: Array | None) -> Units:
        """Of the targets of a job, with weights of its rows, for "sdca"."""

    # ---- what they say ----------------------------------------------------------------------------------

    @property
    def _batch_solver(self) -> str:
        return "sgd" if self.solver in ("auto", *WITHOUT_BATCHES) else self.solver

    def _check_solver(self) -> bool:
        if self.solver in AT_ONCE:
            able = quoted(("auto", "online", *STOCHASTIC_SOLVERS))
            raise AttributeError(
                f"partial_fit learns some rows at a time, as solver={able} do, but solver is {self.solver!r}"
            )
        return True

    def _check_settings(self, job: FitJob) -> None:
        super()._check_settings(job)
        if self.solver not in WITHOUT_BATCHES:
            return
        asked = self._asks_for_batches()
        used = {name: name in asked for name in _REFUSED}
        used |= {
            "validation_data": job.validation_data is not None,
            "checkpoint": job.asked is not None,
        }
        self._refuse_without_batches(used)
        if self.solver == "sdca" and not (self.penalty == "l2" and self.alpha != 0):
            raise ValueError(
                f"solver='sdca' is for penalty='l2' and alpha above 0, not for penalty={self.penalty!r} and "
                f"alpha={self.alpha}"
            )

    def _asks_for_batches(self) -> list[str]:
        """The parameters that do."""
        defaults = {one.name: one.default for one in fields(self)}
        asked = [name for name in _OF_BATCHES if (getattr(self, name) or None) != (defaults[name] or None)]
        return [*asked, "callbacks"] if getattr(self, "_skl_callbacks", None) else asked

    def _chosen_solver(self, job: FitJob, weights: int, weight: Array | None) -> str:
        """What fits this job, with weights of its rows: all at once, or a solver by mini-batches."""
        if self.solver != "auto":
            return self.solver
        if job.incremental or job.validation_data is not None or self._asks_for_batches():
            return "sgd"
        wide = self.penalty == "l2" and sparse.issparse(job.X) and weights > MOST_MIXED
        if wide and suits(job.X, self._units(job, weight), shares(job.X.shape[0], weight), self._strength()):
            return "sdca"
        large = job.X.size > _MOST_SAMPLES or weights > _MOST_WEIGHTS  # a sparse one's size is its entries
        return "sgd" if large else "lbfgs"
