"""What a check of gradients found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KeyCheck:
    """How well the gradients of one parameter array agree.

    Attributes
    ----------
    key : str
        Its name in `state_dict`.
    checked, skipped : int
        Number of coordinates compared with central differences, and of those near a kink, where central
        differences have no meaning.
    numerical_error : float or None
        The largest relative error of reverse mode against central differences; None if all were skipped.
    forward_error : float
        The largest relative error of forward mode against reverse mode.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(2, 3), st.Tanh(), st.Linear(3, 2))
    >>> check = st.gradients.check_gradients(model, *st.datasets.two_moons(20), "softmax")
    >>> [(one.key, one.checked) for one in check.keys]
    [('0.weight', 6), ('0.bias', 3), ('2.weight', 6), ('2.bias', 2)]
    """

    key: str
    checked: int
    skipped: int
    numerical_error: float | None
    forward_error: float


@dataclass(frozen=True, repr=False)
class GradientCheck:
    """The result of `check_gradients`. It is true if the gradients are right, and prints as a table.

    It is false if they are wrong, or if no coordinate could be checked.

    Attributes
    ----------
    keys : tuple of KeyCheck
        The results for each parameter array.
    tolerance : float
        The largest relative error that passes.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(2, 2))
    >>> check = st.gradients.check_gradients(model, *st.datasets.two_moons(20), "softmax")
    >>> print(str(check).partition(":")[0])
    gradients are right to 1e-06
    """

    keys: tuple[KeyCheck, ...]
    tolerance: float

    @property
    def checked(self) -> int:
        """Number of coordinates compared with central differences."""
        return sum(key.checked for key in self.keys)

    @property
    def skipped(self) -> int:
        """Number of coordinates left out, because a step would cross a kink or a very sharp bend."""
        return sum(key.skipped for key in self.keys)

    @property
    def ok(self) -> bool:
        """Whether at least one coordinate was compared, and no error exceeds the tolerance."""
        return self.checked > 0 and self._agree

    @property
    def _agree(self) -> bool:
        """Whether no error exceeds the tolerance."""
        errors = [key.forward_error for key in self.keys]
        errors += [key.numerical_error for key in self.keys if key.numerical_error is not None]
        return all(error <= self.tolerance for error in errors)  # NaN is not

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        width = max(len(key.key) for key in self.keys)
        verdict = f"gradients are {'right' if self.ok else 'WRONG'} to {self.tolerance:g}"
        if self._agree and not self.checked:
            verdict = (
                "gradients could not be checked: every coordinate lies within h of a kink, so move the "
                f"parameters, or take a smaller h (forward and reverse mode agree to {self.tolerance:g})"
            )
        lines = [
            f"{verdict}: {self.checked} coordinates checked, {self.skipped} skipped",
            f"{'':{width}}  checked  skipped  reverse against numerical  forward against reverse",
        ]
        for key in self.keys:
            error = "-" if key.numerical_error is None else f"{key.numerical_error:.1e}"
            lines.append(
                f"{key.key:{width}}  {key.checked:7}  {key.skipped:7}  {error:>25}  {key.forward_error:23.1e}"
            )
        return "\n".join(lines)
