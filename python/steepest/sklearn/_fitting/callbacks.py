"""What is called after each epoch: functions and callbacks given to the estimator, and scikit-learn's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

from ...training.callbacks import EarlyStopping, EpochCallback, ModelCheckpoint, checked_callbacks, interrupts
from ...training.history import History
from .job import Problem
from .observed import Observed

try:  # since scikit-learn 1.9
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: this scikit-learn has no callbacks."""


__all__ = ["CallbackSupportMixin", "Callbacks"]

_INSTEAD = {
    EarlyStopping: "set early_stopping=True",
    ModelCheckpoint: "write a function that pickles the estimator that it is called with",
}


class Callbacks:
    """Those of one fit, of a number of epochs at most."""

    def __init__(self, estimator: Any, problem: Problem, epochs: int) -> None:
        self._estimator = estimator
        given = checked_callbacks(estimator.callbacks, "callbacks")
        for kind, instead in _INSTEAD.items():
            if any(isinstance(callback, kind) for callback in given):
                raise TypeError(f"{kind.__name__} is for models, not for estimators: {instead}")
        # In the order in which they were given; each is called with what it expects.
        self._observed: Any = Observed(estimator, problem)
        self._functions: list[tuple[Any, Callable[[], Any]]] = [
            (function, (lambda: self._observed.state) if isinstance(function, EpochCallback) else self._self)
            for function in given
        ]
        self._observers = [function for function in given if isinstance(function, EpochCallback)]
        self._interrupted = self.ended = False
        self._task: Any = None
        self._epoch: Any = None
        if getattr(estimator, "_skl_callbacks", None):
            x, y, weight = problem.job.given
            metadata = None if weight is None else {"sample_weight": weight}
            self._told = {"estimator": estimator, "X": x, "y": y, "metadata": metadata}
            self._task = estimator._init_callback_context(max_subtasks=epochs)
            self._task.call_on_fit_task_begin(**self._told)

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(self._functions) or self._task is not None

    def begin(self) -> None:
        """Before the first epoch."""
        for observer in self._observers:
            observer.begin(self._observed, self._observed.monitored)

    def resume(self, history: History, states: Sequence[Any]) -> None:
        """In place of that, for a fit that goes on: what they were told before."""
        self._observed.history = history
        for observer, state in zip(self._observers, states, strict=True):
            observer.resume(self._observed, self._observed.monitored, state)

    def states(self) -> list[Any]:
        """What `resume` is given by another fit; they stay as they are."""
        return [deepcopy(observer.state_dict()) for observer in self._observers]

    @property
    def history(self) -> History:
        """Of the epochs, as far as somebody looks at them."""
        history: History = self._observed.history
        return history

    @property
    def names(self) -> list[str]:
        """Of those that keep a state."""
        return [type(observer).__name__ for observer in self._observers]

    def epoch_begins(self) -> None:
        """Tell scikit-learn's."""
        if self._task is not None:
            self._epoch = self._task.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._told)

    def interrupt(self) -> bool:
        """Whether one of them ends the fit in the middle of an epoch."""
        self._interrupted = self._interrupted or any(o.interrupts() for o in self._observers)
        return self._interrupted

    def epoch_ends(self, seconds: float) -> bool:
        """Call all of them; True if one wants the fit to end. `ended` if so does an unbroken one there."""
        self._observed.epoch_ends(seconds)
        answers = [bool(function(argument())) for function, argument in self._functions]
        wanting = [one for (one, _), answer in zip(self._functions, answers, strict=True) if answer]
        self.ended = not all(interrupts(one) for one in wanting)
        if self._epoch is not None:
            fitted = self._estimator._reconstruction_attributes
            stops = self._epoch.call_on_fit_task_end(**self._told, reconstruction_attributes=fitted)
            self.ended = self.ended or bool(stops)
            answers.append(stops)
        return any(answers) or self._observed.cancelled

    def end(self) -> None:
        """After the last epoch."""
        for observer in self._observers:
            observer.end(self._observed, self._observed.history)
        if self._task is not None:
            fitted = self._estimator._reconstruction_attributes
            self._task.call_on_fit_task_end(**self._told, reconstruction_attributes=fitted)

    def _self(self) -> Any:
        return self._estimator
