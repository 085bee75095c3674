"""No picture is shown on a screen, and none is left open."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _screenless(monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")

    pyplot.switch_backend("agg")
    monkeypatch.setattr(pyplot, "show", lambda *a, **k: pytest.fail("a picture was shown"))
    yield
    pyplot.close("all")
