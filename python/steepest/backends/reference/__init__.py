"""The backend that runs without a compiler, and that the native one is tested against: NumPy throughout.

`formulas`, `optimizers` and `stages` are the specification; `passes` and `network` are the order in which a
step and a fit apply it.
"""

from __future__ import annotations

from .backend import BACKEND

__all__ = ["BACKEND"]
