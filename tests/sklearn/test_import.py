"""steepest needs scikit-learn for its estimators alone, and says so."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = """
import sys, steepest
assert not any(name.partition(".")[0] in ("sklearn", "scipy") for name in sys.modules)
sys.modules["sklearn"] = None  # as if it were not installed
try:
    import steepest.sklearn
except ImportError as error:
    print(error)
"""


def test_what_is_missing_is_named():
    shown = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True).stdout
    assert shown == "steepest.sklearn needs scikit-learn: pip install 'steepest[sklearn]'\n"
