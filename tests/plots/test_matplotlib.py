"""matplotlib is imported when something is drawn, and its absence is explained."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from support.pictures import CORNERS, linear_classifier

import steepest as st


def test_importing_steepest_imports_no_matplotlib():
    code = "import steepest, sys; steepest.plots.templates; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_without_matplotlib_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    model = linear_classifier(CORNERS.T)
    for draw in (
        lambda: st.plots.templates(model, (1, 2)),
        lambda: st.plots.decision_regions(model, CORNERS, [0, 1, 2]),
        lambda: st.plots.learning_curves(st.History([1.0])),
        lambda: st.plots.confusion_matrix([0, 1], [0, 1]),
        lambda: st.plots.weight_histograms(model),
        lambda: st.plots.regression_fit(np.sin, [0.0, 1.0], [0.0, 1.0]),
        lambda: st.plots.LearningRates([0.1], [1.0], 0.1).plot(),
    ):
        with pytest.raises(ImportError, match=r"missing: pip install 'steepest\[plot\]'"):
            draw()
