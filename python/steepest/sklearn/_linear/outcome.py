"""What a fit to all samples has come to, and what its user is told if that is not the minimum."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from sklearn.exceptions import ConvergenceWarning

from ... import _checks

COARSE = 1e-3  # of the objective, that the rounding of weights may cost


@dataclass(kw_only=True)
class Outcome:
    """What is known of a fit.

    Attributes
    ----------
    value : float
        Of the objective.
    values : list of float
        After each iteration, or epoch.
    converged : bool
        Whether next to nothing is left to the minimum.
    left : float or None
        What is left at most, as a part of the value, where that is known.
    endless : bool
        Whether the value goes on falling for ever.
    interrupted : bool
        Whether Ctrl-C has ended it.
    coarse : bool
        Whether the dtype that the weights are kept in has no numbers near enough.
    """

    value: float
    values: list[float]
    converged: bool = False
    left: float | None = None
    endless: bool = False
    interrupted: bool = False
    coarse: bool = False


def warn_unless_converged(best: Outcome, max_iter: int) -> None:
    """Say what to do where the minimum has not been reached."""
    if best.interrupted or (best.converged and not best.coarse):
        return
    if best.coarse:
        what = (
            "The numbers of the samples' dtype are too coarse for these weights: the objective with them may "
            "be more than 0.1 % higher. Take float64, or subtract what the samples have in common."
        )
    elif best.endless:
        what = (
            "The classes are separated without error, and so the loss has no minimum: the weights would grow "
            "for ever. Set a penalty, or a larger alpha."
        )
    elif best.left is not None:
        what = (
            f"The minimum has not been reached in max_iter={max_iter} epochs of sdca: the objective may be "
            f"up to {100 * best.left:.2g} % above it. Increase max_iter, tol or alpha."
        )
    elif len(best.values) >= max_iter:
        what = (
            f"The minimum has not been reached in max_iter={max_iter} iterations of lbfgs. Increase "
            "max_iter, tol or alpha."
        )
    else:
        what = "lbfgs can come no nearer to the minimum than rounding allows. Increase tol or alpha."
    warnings.warn(what, ConvergenceWarning, stacklevel=_checks.caller_level())
