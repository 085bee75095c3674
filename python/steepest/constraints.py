"""Constraints on the weights of linear layers, restored after each update."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ._description import Description, Rule, normal


@dataclass(frozen=True)
class MaxNorm(Description):
    """Every column of a linear layer's weight, the weights into one unit, has a 2-norm of at most `limit`.

    After each update, columns beyond are scaled back to it; biases are left alone.

    Parameters
    ----------
    limit : float
        Finite and greater than 0.

    Notes
    -----
    After Srebro, Rennie and Jaakkola, "Maximum-margin matrix factorization", NIPS 2004, and Srivastava et
    al., "Dropout", JMLR 15, 2014, section 5.1.
    """

    limit: float
    _rules: ClassVar[Mapping[str, Rule]] = {"limit": normal}


def as_constraint(constraint: MaxNorm | None) -> MaxNorm | None:
    """`constraint` itself; a TypeError for anything that is none."""
    if constraint is not None and not isinstance(constraint, MaxNorm):
        raise TypeError(f"constraint must be None or one like st.MaxNorm(3.0), not {constraint!r:.80}")
    return constraint
