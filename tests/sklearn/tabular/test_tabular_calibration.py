"""What probabilities of a fitted classifier of tables owe to the rows held out."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is that folder where there is no other
from support.tables.fits import FRAME, MADE, PRICES, A, assert_same, dies, fit
from support.tolerances import assert_close

import steepest as st
from steepest.sklearn._tabular import classifier as module
from steepest.sklearn._tabular import recipe

KINDS = np.where(PRICES > 2, "high", np.where(A > 0, "odd", "low"))


def test_each_of_three_classes_has_a_factor_and_a_shift(monkeypatch):
    """By which the log loss of the rows held out is less than with one temperature for all."""
    found = fit(MADE["classes"](), targets=KINDS)
    with monkeypatch.context() as patch:
        patch.setattr(module, "by_class", lambda scores, codes, weight: (np.ones(3), np.zeros(3)))
        plain = fit(MADE["classes"](), targets=KINDS)
    assert found.temperature_ == plain.temperature_
    assert found.validation_score_ < plain.validation_score_ - 1e-4
    assert not np.allclose(found.predict_proba(FRAME), plain.predict_proba(FRAME), rtol=1e-3)
    calls = []
    with monkeypatch.context() as patch:
        patch.setattr(module, "by_class", lambda *given: calls.append(given) or (np.ones(3), np.zeros(3)))
        fit(MADE["classes"]())
    assert not calls  # of two classes


def test_outputs_are_scaled_and_shifted():
    model = recipe.network([np.empty(0, np.float32)] * 4, [], [5], 3, 0.0, recipe.of_classes(0.1), seed=1)
    state = model.state_dict()
    state["2.weight"], state["2.bias"] = np.arange(15.0).reshape(5, 3), np.arange(3.0)
    model.load_state_dict(state)
    x, (factors, shifts) = np.random.default_rng(0).random((7, 4)), np.float32([[0.5, 1, 2], [1, 0, -3]])
    expected = model(x) * factors + shifts
    recipe.scale_outputs(model, factors, shifts)
    assert_close(model(x), expected, 10, np.abs(expected) + 10)


@pytest.mark.parametrize("kind", ["classes", "balanced"])
def test_a_fit_that_is_resumed_or_loaded_has_them_once(monkeypatch, tmp_path, kind):
    whole, path = fit(MADE[kind](), targets=KINDS), tmp_path / "model.ckpt"
    for writes in (1, 5):
        dies(monkeypatch, writes, MADE[kind](), path, targets=KINDS)
        assert_same(fit(MADE[kind](), path, targets=KINDS, resume=True), whole, tmp_path)
    again = fit(MADE[kind](), path, targets=KINDS, resume=True)  # of one that had ended
    assert_same(again, whole, tmp_path)
    whole.save(tmp_path / "model.safetensors")
    loaded = st.load(tmp_path / "model.safetensors")
    assert (loaded.predict_proba(FRAME) == whole.predict_proba(FRAME)).all()
