"""Gradients as the lecture tells them: numerical and analytic, one checked by the other, and ways down."""

from __future__ import annotations

from ._descent import Descent, gradient_descent, local_search, random_search
from ._differences import directional_derivative, numerical_gradient
from ._gradient_check import GradientCheck, KeyCheck, check_gradients

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
