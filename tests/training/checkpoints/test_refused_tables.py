"""A fit to a table goes on from a checkpoint of the same fit alone, and says what differs."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn.base")
from support.tables.fits import FRAME, LABELS, MADE, ROWS, A, B, assert_same, dies, fit
from support.tolerances import assert_same_bits

import steepest as st
from steepest.sklearn import MLPClassifier, TabularClassifier
from steepest.storage import checkpoint as files


def changed(column, row, value):
    table = FRAME.copy()
    table.loc[row, column] = value
    return table


WEIGHTS = np.ones(ROWS)


@pytest.mark.parametrize(
    ("make", "given", "message"),
    [
        (MADE["numbers"], {}, "estimator is 'TabularClassifier', but here it is 'TabularRegressor'"),
        (lambda: MADE["classes"](random_state=1), {}, "random_state is 0, but here it is 1"),
        (lambda: MADE["classes"](n_members=4), {}, "n_members is 3, but here it is 4"),
        (lambda: MADE["classes"](max_steps=16), {}, "max_steps is 30, but here it is 16"),
        (
            MADE["classes"],
            {"table": changed("other", 7, 0.5)},
            r"column 4 is Scaled\(name='other', .*SHA-256",
        ),
        (MADE["classes"], {"table": FRAME.rename(columns={"new": "old"})}, "column 3 is OneHot.*name='old'"),
        (MADE["classes"], {"table": FRAME[["size", "kind"]]}, "column 2 is Calendar.*here it is none"),
        (MADE["classes"], {"targets": LABELS[::-1]}, "training y is 200 of int64, SHA-256"),
        (MADE["classes"], {"targets": np.char.upper(LABELS)}, r"classes is \['large', 'small'\], but here"),
        (MADE["classes"], {"sample_weight": WEIGHTS}, "training weights is none, but here it is 200 of"),
    ],
)
def test_another_fit_is_refused(tmp_path, make, given, message):
    """And leaves the estimator as it was."""
    path = tmp_path / "run"
    estimator = fit(MADE["classes"](n_members=2), path)
    fit(MADE["classes"](), path)
    before = estimator.predict_proba(FRAME)
    other = make()
    if isinstance(other, TabularClassifier):
        other = estimator.set_params(**other.get_params())
    with pytest.raises(ValueError, match=f"run is a checkpoint of another run: there, {message}"):
        fit(other, path, resume=True, **given)
    assert_same_bits(estimator.predict_proba(FRAME), before)


def test_a_changed_target_is_named_whatever_its_class_weighs(tmp_path):
    path, estimator = tmp_path / "run", MADE["classes"](class_weight="balanced")
    fit(estimator, path)
    with pytest.raises(ValueError, match="there, training y is 200 of int64, SHA-256"):
        fit(estimator, path, resume=True, targets=np.where(np.arange(ROWS) == 3, LABELS[::-1], LABELS))


def test_a_checkpoint_of_another_kind_is_named(tmp_path):
    path, rows = tmp_path / "run", np.column_stack([A, B])
    model, labels = st.Sequential(st.Linear(2, 2), seed=0), (A > 0).astype(int)
    network = MLPClassifier((4,), max_iter=300, tol=0.1, random_state=0)
    model.fit(rows, labels, epochs=1, progress=False, checkpoint=path)
    with pytest.raises(st.ModelFileError, match="run is a checkpoint of a model's fit, from which this one"):
        fit(MADE["classes"](), path, resume=True)
    network.fit(rows, labels, checkpoint=path)
    with pytest.raises(st.ModelFileError, match="run is a checkpoint of the fit of MLPClassifier, from"):
        fit(MADE["classes"](), path, resume=True)
    fit(MADE["classes"](), path)
    message = "run is a checkpoint of the fit of TabularClassifier, from which this one cannot go on"
    with pytest.raises(st.ModelFileError, match=message):
        network.fit(rows, labels, resume=path)
    with pytest.raises(st.ModelFileError, match=message):
        model.fit(rows, labels, epochs=1, progress=False, resume=path)


@pytest.mark.parametrize("missing", ["draws", "begun", "trainer", "state"])
def test_a_file_that_lacks_something_is_named(monkeypatch, tmp_path, missing):
    path, make = tmp_path / "run", lambda: MADE["classes"](n_threads=1, embedding="piecewise_linear")
    dies(monkeypatch, 20, make(), path)
    tree = files.read(path)
    networks = tree["networks"]
    assert networks["0"]["ended"] and networks["1"]["begun"]
    parts = {"begun": networks["0"], "trainer": networks["1"]["begun"], "state": networks["0"]["ended"]}
    parts.get(missing, tree)[missing] = {}
    files.write(path, tree)
    files.previous(path).unlink()
    with pytest.raises(st.ModelFileError, match="run is not a checkpoint of this release"):
        fit(make(), resume=path)


def test_a_damaged_file_and_a_full_disk(monkeypatch, tmp_path):
    path, make, expected = tmp_path / "run", MADE["classes"], fit(MADE["classes"]())
    dies(monkeypatch, 40, make(), path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.warns(RuntimeWarning, match=r"the fit goes on from the one before, .*run\.previous"):
        assert_same(fit(make(), path, resume=True), expected, tmp_path)

    def full(*arguments, **options):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(files, "write", full)
    with pytest.raises(OSError, match="No space left on device"):
        fit(make(), path)
