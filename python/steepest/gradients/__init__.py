"""Gradients as the lecture tells them: numerical and analytic, one checked by the other, and ways down."""

from __future__ import annotations

from .check import check_gradients
from .descent import Descent, gradient_descent, local_search, random_search
from .differences import directional_derivative, numerical_gradient
from .verdict import GradientCheck, KeyCheck

__all__ = [
    "Descent",
    "GradientCheck",
    "KeyCheck",
    "check_gradients",
    "directional_derivative",
    "gradient_descent",
    "local_search",
    "numerical_gradient",
    "random_search",
]
