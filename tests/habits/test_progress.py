"""What a fit shows: a bar on a terminal, a live line in a notebook, lines in a log."""

from __future__ import annotations

import re
import sys
import types

import numpy as np
import pytest
from support.strategies import small_model
from support.terminal import Terminal

import steepest as st

FIT = {"batch_size": 100, "epochs": 3}
TWICE = 7


class ZMQInteractiveShell:
    """As a notebook has it."""


class TerminalInteractiveShell:
    """As `ipython` has it."""


class ColabShell(ZMQInteractiveShell):
    """One derived from it."""


@pytest.fixture
def written(capsys, monkeypatch):
    """A function that returns all that went to stderr and stdout, which are not terminals."""
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    texts = ["", ""]

    def read():
        output, errors = capsys.readouterr()
        texts[:] = texts[0] + errors, texts[1] + output
        return tuple(texts)

    return read


def ipython(monkeypatch, shell):
    module = types.ModuleType("IPython")
    module.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", module)


def test_lines_are_for_logs(backend, data, written):
    model, silent = small_model(), small_model()
    with backend.computing():
        history = model.fit(*data, progress="lines", validation_data=data, metrics=["accuracy"], **FIT)
        silent.fit(*data, progress=False, **FIT)
    errors, output = written()
    assert output == ""
    expected = [
        f"epoch {i + 1}/3  loss {history.loss[i]:.4g}  validation_loss {history.validation_loss[i]:.4g}  "
        f"accuracy {history['accuracy'][i]:.4g}  {history.seconds[i]:.3g} s"
        for i in range(3)
    ]
    assert errors.splitlines() == expected
    assert np.array_equal(model.state_dict()["0.weight"], silent.state_dict()["0.weight"])


def test_lines_come_as_epochs_end(data, written):
    """Whether or not anything else happens between them."""
    lines = []
    callbacks = [lambda state: lines.append(len(written()[0].splitlines()))]
    small_model().fit(*data, progress="lines", callbacks=callbacks, **FIT)
    assert lines == [1, 2, 3]
    trainer = st.Trainer(small_model())
    trainer.fit(*data, progress="lines", batch_callbacks=lambda state: state.step == TWICE, **FIT)
    assert re.findall(r"epoch (\d)/3", written()[0]) == ["1", "2", "3", "1", "2"]


@pytest.mark.parametrize("progress", [True, False])
def test_a_pipe_gets_nothing(data, written, progress):
    small_model().fit(*data, progress=progress, **FIT)
    assert written() == ("", "")


def test_a_bar_everywhere(data, written):
    small_model().fit(*data, progress="bar", **FIT)
    errors, output = written()
    assert "9/9" in errors and "loss=" in errors and output == ""


@pytest.mark.parametrize("shell", [ZMQInteractiveShell(), ColabShell()])
@pytest.mark.parametrize("progress", [True, "bar"])
def test_a_notebook_gets_one_live_line(data, written, monkeypatch, shell, progress):
    ipython(monkeypatch, shell)
    small_model().fit(*data, progress=progress, validation_data=data, **FIT)
    errors, output = written()
    assert errors == "" and "9/9" in output and "validation_loss=" in output
    assert output.count("\n") == 1 and output.endswith("\n")  # written over with \r


@pytest.mark.parametrize("shell", [TerminalInteractiveShell(), None])
def test_ipython_in_a_terminal_is_no_notebook(data, written, monkeypatch, shell):
    ipython(monkeypatch, shell)
    small_model().fit(*data, progress=True, **FIT)
    assert written() == ("", "")
    monkeypatch.setattr(sys, "stderr", Terminal())
    small_model().fit(*data, progress=True, **FIT)
    assert "9/9" in sys.stderr.getvalue()


def test_a_notebook_can_be_silent(data, written, monkeypatch):
    ipython(monkeypatch, ZMQInteractiveShell())
    small_model().fit(*data, progress=False, **FIT)
    small_model().fit(*data, progress="lines", **FIT)
    errors, output = written()
    assert len(errors.splitlines()) == 3 and output == ""


@pytest.mark.parametrize("progress", ["lines", "bar"])
def test_estimators_show_it_too(written, progress):
    networks = pytest.importorskip("steepest.sklearn")
    X, y = np.random.default_rng(0).standard_normal((150, 4)), np.arange(150) % 3
    model = networks.MLPClassifier((5,), max_iter=4, random_state=0, progress=progress)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        model.fit(X, y)
    errors, _ = written()
    if progress == "lines":
        assert errors.splitlines() == [
            f"epoch {i + 1}/4  loss {loss:.4g}" for i, loss in enumerate(model.loss_curve_)
        ]
    else:
        assert "4/4" in errors
