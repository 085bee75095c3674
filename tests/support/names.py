"""Names of a test's parameters."""

from __future__ import annotations

import re


def name_of(value: object) -> str:
    """Its text without addresses, so that a test has the same name in every process."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))
