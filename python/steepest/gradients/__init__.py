"""Numerical gradients, a check of analytic ones, and minimization of any function by gradient descent."""

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
