"""Tests of `steepest.sklearn` need scikit-learn."""

import pytest

pytest.importorskip("sklearn.base")
