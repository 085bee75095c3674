"""A history as a mapping, as a table and as a picture; models, trainers and histories in notebooks."""

from __future__ import annotations

import builtins
import json
import re
from html.parser import HTMLParser

import pytest
from support.strategies import small_model

import steepest as st


def history_of(data, epochs=3, **options):
    return small_model().fit(*data, epochs=epochs, progress=False, **options)


@pytest.fixture
def recorded(data):
    return history_of(data, validation_data=data, metrics=["accuracy", "f1"])


def test_it_is_a_mapping_of_its_lists(backend, data):
    with backend.computing():
        history = history_of(data, validation_data=data, metrics=["accuracy"])
    names = ["loss", "validation_loss", "accuracy", "seconds", "samples_per_second"]
    assert list(history) == history.keys() == names
    assert history["loss"] is history.loss and history["accuracy"] is history.metrics["accuracy"]
    assert dict(history) == history.to_dict() and "loss" in history and "f1" not in history
    assert json.loads(json.dumps(history.to_dict())) == history.to_dict()
    history.to_dict()["loss"].clear()
    assert history.epochs == 3


def test_a_name_that_is_not_there_lists_those_that_are(data, recorded):
    with pytest.raises(KeyError, match=r"validation_loss, accuracy, f1, seconds, .* but not 'val_loss'"):
        recorded["val_loss"]
    with pytest.raises(KeyError, match="but not 'validation_loss': it has no validation data"):
        history_of(data)["validation_loss"]
    with pytest.raises(KeyError, match="but not 0"):
        recorded[0]


def test_it_becomes_a_frame(recorded):
    pytest.importorskip("pandas")
    frame = recorded.to_frame()
    assert list(frame.columns) == list(recorded) and list(frame["loss"]) == recorded.loss
    assert list(frame.index) == [0, 1, 2] and frame.index.name == "epoch"
    assert st.History().to_frame().empty


def test_a_missing_pandas_is_said(recorded, monkeypatch):
    importing = builtins.__import__

    def without(name, *arguments):
        if name.startswith("pandas"):
            raise ImportError(name)
        return importing(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="to_frame needs pandas, which is missing: pip install pandas"):
        recorded.to_frame()


def test_it_draws_itself(recorded):
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    assert recorded.plot(ax=ax) is ax and list(ax.lines[0].get_ydata()) == recorded.loss
    with pytest.raises(ValueError, match="0 epochs"):
        st.History().plot(ax=ax)


class Reader(HTMLParser):
    """The tags and cells of a table; it fails where tags do not nest."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.rows, self.caption = [], set(), [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        assert tag in {"table", "caption", "thead", "tbody", "tr", "th", "td"}
        assert tag != "th" or dict(attributes)["scope"] in {"row", "col"}
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["caption"]:
            self.caption += data
        elif self.open[-1:] in (["th"], ["td"]):
            self.rows[-1][-1] += data


def test_a_history_in_a_notebook(recorded):
    table = Reader(recorded._repr_html_())
    assert table.caption == repr(recorded)
    assert table.rows[0] == ["epoch", "loss", "validation_loss", "accuracy", "f1", "seconds"]
    assert [row[0] for row in table.rows[1:]] == ["0", "1", "2"]
    assert table.rows[2][1] == f"{recorded.loss[1]:.4g}"
    assert Reader(st.History()._repr_html_()).rows == [["epoch", "loss", "seconds"]]


def test_a_long_history_is_shown_in_part(data):
    history = history_of(data, epochs=40)
    history.best_epoch = 20
    shown = [row[0] for row in Reader(history._repr_html_()).rows[1:]]
    assert shown == ["0", "1", "2", "…", "20 (best)", "…", "35", "36", "37", "38", "39"]


def test_a_model_in_a_notebook():
    model = st.Sequential(st.Linear(6, 8), st.Residual(st.Linear(8, 8), st.ReLU()), st.Linear(8, 3))
    table = Reader(model._repr_html_())
    assert table.caption == "Sequential: 155 parameters (620 bytes, float32)"
    cells = [re.split(r"  +", line.strip()) for line in model.summary().splitlines() if "---" not in line]
    assert [[cell.strip() for cell in row if cell.strip()] for row in table.rows[:-1]] == cells[:-1]


def test_a_trainer_says_what_it_is(data):
    trainer = st.Trainer(small_model(), "hinge", st.Adam(0.01), penalty=st.L2(1e-3), clip_norm=2.0)
    trainer.fit(*data, epochs=2, batch_size=100, progress=False)
    for name in ("loss=MulticlassHinge", "Adam(learning_rate=0.01", "clip_norm=2.0", "epochs_done=2"):
        assert name in repr(trainer)
    assert "clip_value" not in repr(trainer)
    rows = dict(Reader(trainer._repr_html_()).rows)
    assert rows["steps_done"] == "6" and rows["penalty"] == "L2(strength=0.001)"


def test_what_users_wrote_is_escaped_and_cut(data):
    def shady(scores, targets):
        return 0.0, 0 * scores

    shady.__qualname__ = "<script>alert(1)</script>" + "x" * 2000
    trainer = st.Trainer(small_model(), shady)
    history = history_of(data, metrics={"<b>&": lambda labels, scores: 1.0})
    for shown in (trainer, history):
        html = shown._repr_html_()
        Reader(html)
        assert "<script" not in html and "<b>" not in html and len(html) < 2000


def test_names_of_other_libraries():
    with pytest.raises(AttributeError, match=r"'History' object has no attribute 'history': it is the reco"):
        st.History().history  # noqa: B018
    with pytest.raises(AttributeError, match="'val_loss': write validation_loss"):
        st.History().val_loss  # noqa: B018
    assert not hasattr(st.History(), "history")
