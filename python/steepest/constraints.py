"""Constraints on the weights of linear layers, enforced after each update."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from . import _checks
from ._description import Description, Rule, normal

__all__ = ["MaxNorm"]


@dataclass(frozen=True)
class MaxNorm(Description):
    """Limit the 2-norm of the weights into each unit, the columns of a linear layer's weight.

    After each update, longer columns are scaled down to the limit. Biases are not changed.

    Parameters
    ----------
    limit : float
        Finite and greater than 0.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Notes
    -----
    After Srebro, Rennie and Jaakkola, "Maximum-margin matrix factorization", NIPS 2004, and Srivastava et
    al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014, section 5.1.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(2, 1, bias=False))
    >>> model.load_state_dict({"0.weight": [[3.0], [4.0]]})
    >>> trainer = st.Trainer(model, "squared_error", st.SGD(0.1), constraint=st.MaxNorm(2.5))
    >>> objective = trainer.step([[0.0, 0.0]], [0.0])
    >>> model.state_dict()["0.weight"].tolist()
    [[1.5], [2.0]]
    """

    limit: float
    _rules: ClassVar[Mapping[str, Rule]] = {"limit": normal}


def as_constraint(constraint: MaxNorm | None) -> MaxNorm | None:
    """`constraint` itself; a TypeError if it is not a constraint or None."""
    _checks.instance(constraint, "constraint")
    if constraint is not None and not isinstance(constraint, MaxNorm):
        raise TypeError(
            f"constraint must be None or a constraint such as st.MaxNorm(3.0), not {constraint!r:.80}"
        )
    return constraint
