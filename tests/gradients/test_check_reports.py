"""`check_gradients`: what its report says of scales, seeds and what was not checked, and what it refuses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support.problems import lines
from support.strategies import numbers, small_model
from support.tolerances import assert_equal_models

import steepest as st
from steepest.gradients import check_gradients


def test_scales_do_not_matter(backend):
    """Pixels up to 255, large weights, a perfect fit, a fit to its end: slopes count as far as known."""
    digits, y = st.datasets.load_digits()
    X, y = digits[:40], y[:40]
    model = st.Sequential(st.Linear(64, 12), st.Tanh(), st.Linear(12, 10))
    large = st.Sequential(st.Linear(64, 12), st.Tanh(), st.Linear(12, 10))
    large.load_state_dict({key: 1e4 * value for key, value in model.state_dict().items()})
    with backend.computing():
        cases = [
            (st.Sequential(st.Linear(64, 12), st.ReLU(), st.Linear(12, 10)), 16 * X, y, "softmax"),
            (st.Sequential(st.Linear(64, 12), st.ReLU(), st.Linear(12, 10)), 16 * X, y, "hinge"),
            (large, X / 1e6, 1e4 * np.eye(10)[y], "squared_error"),
            (model, X / 16, 1e-6 * np.eye(10)[y], "squared_error"),
        ]
        fitted = st.Sequential(st.Linear(64, 10), dtype=np.float64)
        cases.append((fitted, X, fitted(X), "squared_error"))
        learned = st.Sequential(st.Linear(64, 10))
        learned.fit(X, y, optimizer=st.SGD(1.0), epochs=200, batch_size=None, progress=False)
        assert learned.loss_and_gradients(X, y, loss="softmax")[0] < 1e-5
        cases.append((learned, X, y, "softmax"))
        for case in cases:
            report = check_gradients(*case, max_coordinates=30)
            assert report, report
            assert report.checked > 0.9 * (report.checked + report.skipped), report


def test_the_seed_chooses_and_the_model_stays(backend):
    model, X, y = small_model(), numbers((20, 6), np.float32), np.arange(20) % 3
    tried = []

    class Watched(st.Sequential):
        def loss_and_gradients(self, *arguments, **options):
            tried.append(self.state_dict()["0.weight"])
            return super().loss_and_gradients(*arguments, **options)

    watched = Watched(*model.layers, seed=3)

    def run(**options):
        tried.clear()
        report = check_gradients(watched, X, y, "softmax", **options)
        moved = {tuple(index) for weight in tried for index in np.argwhere(weight != tried[0]).tolist()}
        assert all(np.count_nonzero(weight != tried[0]) <= 1 for weight in tried)
        return report, moved

    with backend.computing():
        first, moved = run(max_coordinates=5)
        assert (first, moved) == run(max_coordinates=5)
        other, elsewhere = run(max_coordinates=5, seed=1)
        whole, everywhere = run(max_coordinates=None)
    assert len(moved) == len(elsewhere) == 5 and moved != elsewhere
    assert first.keys[0].forward_error != other.keys[0].forward_error
    assert [key.checked for key in first.keys] == [5, 5, 5, 3]
    assert [key.checked for key in whole.keys] == [48, 8, 24, 3] and len(everywhere) == 48
    assert_equal_models(watched, model)


def test_reports_show_themselves(backend):
    model, X, y = small_model(), numbers((20, 6)), np.arange(20) % 3
    with backend.computing():
        report = check_gradients(model, X, y, "softmax", max_coordinates=20, tolerance=1e-5)
    head, titles, *rows = repr(report).splitlines()
    assert head == "gradients are right to 1e-05: 51 coordinates checked, 0 skipped"
    assert titles.split("  ")[-1] == "forward against reverse"
    assert [row.split()[:3] for row in rows] == [
        ["0.weight", "20", "0"],
        ["0.bias", "8", "0"],
        ["2.weight", "20", "0"],
        ["2.bias", "3", "0"],
    ]
    assert len({len(row) for row in rows}) == 1 and len(rows[0]) == len(titles)


def test_nothing_to_check_is_no_false_alarm(backend):
    """Every coordinate on a kink: false, but not wrong; with a wrong forward mode it is."""
    X, y = np.ones((4, 3)), np.zeros((4, 1))
    with backend.computing():
        report = check_gradients(lines(np.zeros(3)), X, y, "squared_error", st.L1(1.0))
    assert not report and (report.checked, report.skipped) == (0, 3)
    head = repr(report).splitlines()[0]
    assert head.startswith(
        "gradients could not be checked: every coordinate lies within h of a kink, so move"
    )
    assert head.endswith("(forward and reverse mode agree to 1e-06): 0 coordinates checked, 3 skipped")
    for error in (1.0, np.nan):
        wrong = dataclasses.replace(report.keys[0], forward_error=error)
        assert repr(dataclasses.replace(report, keys=(wrong,))).startswith("gradients are WRONG to 1e-06: 0")


def test_misuse_is_named(backend):
    model, X, y = small_model(), numbers((20, 6)), np.arange(20) % 3
    huge = st.Sequential(st.Linear(6, 6), st.Linear(6, 3), dtype=np.float64)
    huge.load_state_dict({key: np.full_like(value, 1e200) for key, value in huge.state_dict().items()})
    unknown = np.where(np.arange(20) == 7, np.nan, np.ones((3, 20))).T
    cases = [
        (model, y, {"h": 0.0}, ValueError, "h is 0.0, but must be finite and greater than 0"),
        (model, y, {"tolerance": -1}, ValueError, "tolerance is -1, but must be finite and greater than 0"),
        (model, y, {"max_coordinates": 0}, ValueError, "max_coordinates is 0, but must be at least 1"),
        (model, y, {"max_coordinates": 1.5}, TypeError, r"max_coordinates must be an integer, not 1\.5"),
        (model, y, {"seed": -1}, ValueError, "seed is -1, but must be at least 0"),
        (model, y, {"loss": "cross"}, ValueError, "loss is 'cross', but must be one of"),
        (model, y, {"penalty": 1}, TypeError, "penalty must be None or a penalty such as"),
        (model, y[1:], {}, ValueError, "X has 20 samples, but y has 19"),
        (5, y, {}, TypeError, "model must be a st.Sequential, not 5"),
        (model, unknown, {"loss": "squared_error"}, ValueError, "row 7 of y holds NaN or an infinity"),
        (
            huge,
            np.ones((20, 3)),
            {"loss": "squared_error"},
            ValueError,
            "the objective is (inf|nan), but must",
        ),
    ]
    with backend.computing():
        assert check_gradients(model, X, y, "softmax", max_coordinates=1)
        for subject, targets, options, error, message in cases:
            with pytest.raises(error, match=message):
                check_gradients(subject, X, targets, **({"loss": "softmax"} | options))


def test_what_differences_cannot_see_is_refused(backend):
    model, X, y = small_model(np.float64), np.ones((4, 6)), [0, 1, 2, 0]
    with backend.computing():
        with pytest.raises(
            ValueError, match="in the objective, but not in its gradients: check without proximal"
        ):
            st.gradients.check_gradients(model, X, y, loss="softmax", penalty=st.L1(0.1, proximal=True))
        with pytest.raises(ValueError, match="h is 1e-46, too small to change a coordinate"):
            st.gradients.check_gradients(model, X, y, loss="softmax", h=1e-46)
