"""Check: the numbers of a description, when it is made and where it meets a model's dtype."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np

from . import _checks

# Of a field's value and name: the value as Python's own number, flag or string, or an error.
Rule: TypeAlias = Callable[[Any, str], Any]


def normal(value: object, name: str) -> float:
    """`value` as a finite float greater than 0, which must be a normal number of the model's dtype too."""
    return _checks.positive(value, name)


class Description:
    """A dataclass whose fields obey rules."""

    _rules: ClassVar[Mapping[str, Rule]] = {}

    def __post_init__(self) -> None:
        """Keep what the rules make of the fields."""
        for name, rule in self._rules.items():
            object.__setattr__(self, name, rule(getattr(self, name), name))

    def _computed(self) -> Mapping[str, float]:
        """Numbers beyond the fields that backends compute with, by their formulas."""
        return {}


def check_dtype(description: object, dtype: np.dtype[Any], what: str = "") -> None:
    """Refuse a description one of whose numbers is infinite in `dtype`, or lost though it must be `normal`.

    Raises
    ------
    ValueError
        The message has the setting (`what`, if given, else the description), the number and the limit.
    """
    if not isinstance(description, Description):
        return  # None, or of the caller's own
    what = what or repr(description)
    for name, rule in description._rules.items():
        if isinstance(value := getattr(description, name), float):
            _checks.representable(value, f"{what}: {name}", dtype, normal=rule in (normal, _checks.rate))
    for name, value in description._computed().items():
        _checks.representable(value, f"{what}: {name}", dtype)
