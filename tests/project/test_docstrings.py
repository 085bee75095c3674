"""Public classes and functions have docstrings that name each parameter, with examples that run."""

from __future__ import annotations

import doctest
import inspect
import re

import numpy as np
import pytest

import steepest as st
from steepest import datasets, functional, gradients, initializers, metrics, plots, schedules

SECTION = re.compile(r"^(\w+)\n-+\n", re.MULTILINE)
MODULES = {
    "": st,
    "datasets.": datasets,
    "functional.": functional,
    "gradients.": gradients,
    "initializers.": initializers,
    "metrics.": metrics,
    "plots.": plots,
    "schedules.": schedules,
}
try:
    from steepest import sklearn
except ImportError:  # scikit-learn is not installed
    pass
else:
    MODULES["sklearn."] = sklearn

# What is still to be written. Exact: what has been is to be taken out.
EXAMPLES_TO_WRITE = ""


def names_of(module):
    own = [name for name, value in vars(module).items() if inspect.isclass(value)]
    own = [name for name in own if name[0] != "_" and getattr(module, name).__module__ == module.__name__]
    return module.__all__ if hasattr(module, "__all__") else own


def public():
    """The name of each public class and function, and what it is."""
    for prefix, module in MODULES.items():
        for name in names_of(module):
            if inspect.isclass(value := getattr(module, name)) or inspect.isfunction(value):
                yield prefix + name, value


PUBLIC = dict(public())
# Methods that people call on a model, a trainer and what these give.
METHODS = {
    f"{kind.__name__}.{name}": getattr(kind, name)
    for kind in (st.Sequential, st.Ensemble, st.Trainer, st.History, st.PolynomialFeatures)
    for name in dir(kind)
    if name[0] != "_" and inspect.isfunction(getattr(kind, name, None))
}
if "sklearn." in MODULES:
    METHODS |= {
        f"{kind.__name__}.{name}": getattr(kind, name)
        for kind in (sklearn.MLPClassifier, sklearn.LinearRegressor, sklearn.TabularClassifier)
        for name in ("to_sequential", "from_sequential", "to_ensemble")
        if hasattr(kind, name)
    }


def sections(docstring):
    """The text of each section, by its title."""
    _, *parts = SECTION.split(inspect.cleandoc(docstring or ""))
    return dict(zip(parts[::2], parts[1::2], strict=True))


def documented(docstring):
    """The parameters and attributes that a docstring names, as `a, b : type` or `*a`."""
    found = sections(docstring)
    text = found.get("Parameters", "") + "\n" + found.get("Attributes", "")
    lines = re.findall(r"^\*{0,2}(\w[\w, *]*)(?: ?:.*)?$", text, re.MULTILINE)
    return {name.strip(" *") for line in lines for name in line.split(",")}


def undocumented(value):
    if inspect.isclass(value) and issubclass(value, Exception):
        return []
    parameters = inspect.signature(value).parameters.values()
    return [p.name for p in parameters if p.name not in documented(value.__doc__)]


def test_sections_are_read():
    text = """Add.

    Parameters
    ----------
    a, b : float
        Numbers: as many as there are.
    *more
        More.

    Examples
    --------
    >>> 1
    1"""
    assert documented(text) == {"a", "b", "more"} and sections(text)["Examples"] == ">>> 1\n1"
    assert len(PUBLIC) > 100 and "functional.linear" in PUBLIC


def test_public_names_have_docstrings():
    assert not [name for name, value in PUBLIC.items() if not (value.__doc__ or "").strip()]


def test_parameters_are_documented():
    missing = {name: names for name, value in PUBLIC.items() if (names := undocumented(value))}
    assert not missing


def test_examples_are_there():
    missing = {
        name for name, value in PUBLIC.items() if ">>>" not in sections(value.__doc__).get("Examples", "")
    }
    assert missing == set(EXAMPLES_TO_WRITE.split()) & set(PUBLIC)


def test_methods_have_examples():
    assert len(METHODS) > 20
    assert not [name for name, method in METHODS.items() if ">>>" not in method.__doc__]


EXAMPLES = {name: value for name, value in (PUBLIC | METHODS).items() if ">>>" in value.__doc__}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run(name, tmp_path, monkeypatch):
    """In a folder of their own, with `np` and `st`."""
    if name.startswith("plots.") or "plot" in EXAMPLES[name].__doc__:
        pytest.importorskip("matplotlib").use("Agg")
    if name.endswith("_torch"):
        pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    failed = []
    for test in doctest.DocTestFinder(recurse=False).find(EXAMPLES[name], name, globs={"np": np, "st": st}):
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
        runner.run(test, out=failed.append)
    assert not failed, "".join(failed)
