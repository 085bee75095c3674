"""How the specification computes: NaN and infinities propagate without warnings."""

from __future__ import annotations

import numpy as np

quiet = np.errstate(all="ignore")  # a decorator
