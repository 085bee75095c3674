"""The errors of steps and fits: a loss that stopped being finite, a label that was changed."""

from __future__ import annotations

__all__ = ["DivergenceError"]


class DivergenceError(ArithmeticError):
    """The loss or a parameter became infinite or NaN.

    A fit has then gone back to the end of its last finished epoch, or to its best one if the loss had risen
    before; see `Trainer.fit`.

    Attributes
    ----------
    epoch, step : int or None
        Where this happened: the epoch, counted from 0, and the step within it, counted from 0. Both are None
        for a single `Trainer.step`. The step is also None if a parameter overflowed, which is checked after
        each epoch.
    learning_rate : float or None
        The learning rate at that moment.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(1, 1))
    >>> try:
    ...     model.fit([[1e3]], [1.0], loss="squared_error", optimizer=st.SGD(1.0), epochs=99, progress=False)
    ... except st.DivergenceError as error:
    ...     print("learning rate", error.learning_rate)
    learning rate 1.0
    """

    def __init__(
        self,
        message: str,
        *,
        epoch: int | None = None,
        step: int | None = None,
        learning_rate: float | None = None,
    ) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.step = step
        self.learning_rate = learning_rate


def of_step(objective: float | str, learning_rate: float) -> DivergenceError:
    """The error of a single step, which was not taken."""
    return DivergenceError(
        f"the loss of this batch is {objective} with learning rate {learning_rate}; "
        "the parameters were left as they are; a smaller learning rate may help",
        learning_rate=learning_rate,
    )


def of_update(learning_rate: float) -> DivergenceError:
    """The error of a single step whose update overflowed."""
    return DivergenceError(
        f"the step with learning rate {learning_rate} made parameters, or the optimizer's state, infinite or "
        "NaN, and they cannot be restored: load a state that you kept, and use a smaller learning rate, "
        "penalty or weight decay",
        learning_rate=learning_rate,
    )


def of_fit(epoch: int, step: int, learning_rate: float, restored: str) -> DivergenceError:
    """The error of a fit, which was taken back to its "last finished" epoch, or to its "best"."""
    return DivergenceError(
        f"the loss stopped being finite in epoch {epoch}, step {step} (both counted from 0) with "
        f"learning rate {learning_rate}; the parameters of the {restored} epoch were restored; "
        "starting again with a smaller learning rate may help",
        epoch=epoch,
        step=step,
        learning_rate=learning_rate,
    )


def of_epoch(epoch: int, learning_rate: float, restored: str) -> DivergenceError:
    """The error of a fit whose updates overflowed, likewise."""
    return DivergenceError(
        f"a parameter, or the optimizer's state, stopped being finite in epoch {epoch} (counted from 0) with "
        f"learning rate {learning_rate}; the parameters of the {restored} epoch were restored; starting "
        "again with a smaller learning rate, penalty or weight decay may help",
        epoch=epoch,
        learning_rate=learning_rate,
    )


def advised(error: Exception, advice: str) -> Exception:
    """The same error, with advice in its message if it is a divergence."""
    if advice and isinstance(error, DivergenceError):
        error.args = (f"{error}; {advice}",)
    return error


def of_label(sample: int, classes: int) -> ValueError:
    """The error of a fit one of whose labels was changed after it was checked."""
    return ValueError(
        f"the label of sample {sample} was changed during the fit, and is not one of the "
        f"{classes} classes 0..{classes - 1}; the parameters of the last finished epoch were restored"
    )
