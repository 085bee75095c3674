"""The backend that runs without a compiler, and that the native one is tested against: NumPy throughout.

This is the specification of every formula: `products`, `elementary`, `activations`, `losses`, `penalties`,
`optimizers`, `averaging` and `stages`. `passes` and `network` are the order in which a step and a fit apply
them. Values of losses are accumulated in float64. NaN and infinities propagate, without warnings, to the
value of the loss, which is checked before anything is changed.
"""

from __future__ import annotations

from .backend import BACKEND

__all__ = ["BACKEND"]
