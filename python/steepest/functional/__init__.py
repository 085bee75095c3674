"""The kernels as functions on arrays, computed by the active backend.

Arrays are float32 or float64, converted to the wider of the two where both meet; integers become float64.
The result has that dtype. Only the steps of optimizers change arguments. NaN and infinities propagate.
All raise TypeError for what does not hold real numbers, and ValueError for shapes that do not fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import activations, elementary, losses, products, steps
from .activations import *
from .elementary import *
from .losses import *
from .products import *
from .steps import *

if not TYPE_CHECKING:  # type checkers go by the stars: mypy cannot add lists
    __all__ = sorted(
        [
            *activations.__all__,
            *elementary.__all__,
            *losses.__all__,
            *products.__all__,
            *steps.__all__,
        ]
    )
