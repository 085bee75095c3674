"""What is called after each epoch: functions given to the estimator, and scikit-learn's own callbacks."""

from __future__ import annotations

from typing import Any

try:  # since scikit-learn 1.9
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: this scikit-learn has no callbacks."""


__all__ = ["CallbackSupportMixin", "Callbacks"]


class Callbacks:
    """Those of one fit; `data` are X, y and sample weights, as scikit-learn's callbacks are told."""

    def __init__(self, estimator: Any, data: tuple[Any, Any, Any], epochs: int) -> None:
        self._estimator = estimator
        self._functions = tuple(estimator.callbacks or ())
        self._task: Any = None
        self._epoch: Any = None
        if getattr(estimator, "_skl_callbacks", None):
            x, y, weight = data
            metadata = None if weight is None else {"sample_weight": weight}
            self._told = {"estimator": estimator, "X": x, "y": y, "metadata": metadata}
            self._task = estimator._init_callback_context(max_subtasks=epochs)
            self._task.call_on_fit_task_begin(**self._told)

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(self._functions) or self._task is not None

    def epoch_begins(self) -> None:
        """Tell scikit-learn's."""
        if self._task is not None:
            self._epoch = self._task.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._told)

    def epoch_ends(self) -> bool:
        """Call all of them; True if one wants the fit to end."""
        answers = [bool(function(self._estimator)) for function in self._functions]
        if self._epoch is not None:
            fitted = self._estimator._reconstruction_attributes
            answers.append(self._epoch.call_on_fit_task_end(**self._told, reconstruction_attributes=fitted))
        return any(answers)

    def end(self) -> None:
        """After the last epoch."""
        if self._task is not None:
            fitted = self._estimator._reconstruction_attributes
            self._task.call_on_fit_task_end(**self._told, reconstruction_attributes=fitted)
