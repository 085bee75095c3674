"""Parameters are declared once: signature, constraints and docstring are of the same fields."""

from __future__ import annotations

import inspect
import re
from dataclasses import KW_ONLY, dataclass, fields
from typing import get_type_hints

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.utils._param_validation import InvalidParameterError

from steepest.sklearn import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from steepest.sklearn._common.parameters import COUNT, Names, documented, parameter

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

KINDS = [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor]
X = np.random.default_rng(3).standard_normal((50, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


@pytest.mark.parametrize("kind", KINDS)
def test_signature_constraints_and_docstring_are_the_same(kind):
    signature = inspect.signature(kind).parameters
    text = inspect.cleandoc(kind.__doc__)
    section = re.search(r"^Parameters\n-+\n(.*?)\n\nAttributes\n", text, re.DOTALL | re.MULTILINE)[1]
    shown = dict(re.findall(r"^(\w+) : .*, default=(.*)$", section, re.MULTILINE))
    assert list(shown) == list(signature)  # in the same order
    for name, one in signature.items():
        assert shown[name].replace('"', "'") == repr(one.default), name
    assert set(kind._parameter_constraints) == set(signature) == set(kind().get_params())
    assert "{parameters}" not in text and "{attributes}" not in text
    assert not [line for line in text.splitlines() if len(line) > 106]


@pytest.mark.parametrize("kind", KINDS)
def test_types_are_known(kind):
    assert get_type_hints(kind.__init__)["tol"] is inspect.signature(kind).parameters["tol"].annotation
    assert get_type_hints(kind.__init__)["tol"] is float
    assert {"X", "y", "sample_weight"} <= get_type_hints(kind.fit).keys() & get_type_hints(kind.partial_fit)


@pytest.mark.parametrize("kind", KINDS)
def test_positional_parameters_are_these(kind):
    taken = [p.name for p in inspect.signature(kind).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    network = ["hidden_layer_sizes", "activation"]
    assert taken == {MLPClassifier: network, MLPRegressor: ["loss", *network]}.get(kind, ["loss"])


@pytest.mark.parametrize("kind", KINDS)
def test_estimators_are_compared_and_shown_as_scikit_learns_are(kind):
    one, other = kind(alpha=0.5), kind(alpha=0.5)
    assert one != other and hash(one) != hash(other)
    assert repr(one) == f"{kind.__name__}(alpha=0.5)"
    assert clone(one).get_params() == one.get_params()


def test_a_parameter_is_added_in_one_place():
    @documented("bonus_ : int\n    What came of it.")
    @dataclass(eq=False, repr=False)
    class Longer(LinearClassifier):
        """Has one more.

        Parameters
        ----------
        {parameters}

        Attributes
        ----------
        {attributes}
        """

        _: KW_ONLY
        bonus: int = parameter(3, [COUNT], "How much more.")

    assert Longer("hinge", bonus=4).get_params()["bonus"] == 4 and Longer().fit(X, Y).bonus == 3
    assert "\nbonus : int, default=3\n    How much more." in inspect.cleandoc(Longer.__doc__)
    assert "bonus_ : int\n    What came of it." in inspect.cleandoc(Longer.__doc__)
    with pytest.raises(InvalidParameterError, match="'bonus' parameter of Longer must be an int"):
        Longer(bonus=0).fit(X, Y)


def test_a_subclass_may_have_a_signature_of_its_own():
    class Small(MLPClassifier):
        def __init__(self, units=5, alpha=0.5):
            super().__init__((units,), alpha=alpha, max_iter=3)
            self.units = units

    model = clone(Small(7)).fit(X, Y)
    assert model.get_params() == {"units": 7, "alpha": 0.5} and repr(model) == "Small(units=7)"
    assert model.coefs_[0].shape == (4, 7) and model.n_iter_ == 3
    with pytest.raises(
        InvalidParameterError, match="'alpha' parameter of Small must be a float in the range"
    ):
        Small(alpha=-1).fit(X, Y)


@pytest.mark.parametrize("kind", KINDS)
def test_metadata_are_routed(kind):
    requested = {"sample_weight": True, "validation_data": False}
    requested |= dict.fromkeys(("checkpoint", "checkpoint_every", "resume"), False)
    with config_context(enable_metadata_routing=True):
        model = kind().set_fit_request(**requested)
        assert clone(model).get_metadata_routing().fit.requests == requested
        more = {"classes": None} if is_classifier(model) else {}
        assert model.get_metadata_routing().partial_fit.requests == {"sample_weight": None} | more


def test_classes_without_a_docstring_are_completed():
    """As python -OO leaves them."""

    @documented()
    @dataclass(eq=False, repr=False)
    class Bare:
        size: str | None = parameter("all", [Names("all", "some"), None], "Which.")

    assert list(Bare._parameter_constraints) == ["size"] and [one.name for one in fields(Bare)] == ["size"]
