"""What a check of gradients found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KeyCheck:
    """How well the gradients of one array of parameters agree.

    Attributes
    ----------
    key : str
        Its name in `state_dict`.
    checked, skipped : int
        Coordinates compared with central differences, and those where these have no meaning.
    numerical_error : float or None
        The largest relative error of reverse mode against central differences; None if all were skipped.
    forward_error : float
        That of forward mode against reverse mode.
    """

    key: str
    checked: int
    skipped: int
    numerical_error: float | None
    forward_error: float


@dataclass(frozen=True, repr=False)
class GradientCheck:
    """What `check_gradients` found; true if the gradients are right, false if wrong or not checked at all.

    Attributes
    ----------
    keys : tuple of KeyCheck
    tolerance : float
        The largest relative error that passes.
    """

    keys: tuple[KeyCheck, ...]
    tolerance: float

    @property
    def checked(self) -> int:
        """Coordinates compared with central differences."""
        return sum(key.checked for key in self.keys)

    @property
    def skipped(self) -> int:
        """Coordinates that were not, because the step crosses a kink (or a bend too sharp for it)."""
        return sum(key.skipped for key in self.keys)

    @property
    def ok(self) -> bool:
        """Whether anything could be compared with differences, and no error exceeds the tolerance."""
        return self.checked > 0 and self._agree

    @property
    def _agree(self) -> bool:
        """Whether what was compared agrees."""
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
