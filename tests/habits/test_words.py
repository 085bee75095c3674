"""Words that people bring along: names, classes without parentheses, keywords of other libraries, labels."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from support.strategies import small_model
from support.tolerances import assert_equal_models

import steepest as st

FIT = {"epochs": 2, "progress": False}


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [
        ("sgd", st.SGD()),
        ("adagrad", st.AdaGrad()),
        ("rmsprop", st.RMSProp()),
        ("adam", st.Adam()),
        ("Adam", st.Adam()),
        ("adamw", st.AdamW()),
        ("nadam", st.NAdam()),
        ("lion", st.Lion()),
    ],
)
def test_optimizers_by_name(backend, data, name, optimizer):
    with backend.computing():
        by_name, plain = small_model(), small_model()
        by_name.fit(*data, **FIT, optimizer=name)
        plain.fit(*data, **FIT, optimizer=optimizer)
        assert_equal_models(by_name, plain)
    trainer = st.Trainer(small_model(), optimizer=name)
    assert trainer.optimizer == optimizer
    trainer.optimizer = "sgd"
    assert trainer.optimizer == st.SGD()


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("cross_entropy", st.SoftmaxCrossEntropy()),
        ("mse", st.SquaredError()),
        ("mae", st.AbsoluteError()),
        ("bce", st.BinaryCrossEntropy()),
        ("svm", st.MulticlassHinge()),
    ],
)
def test_losses_by_other_names(data, name, loss):
    X, y = data
    targets = y if loss.takes_labels else np.eye(3)[y]
    by_name, plain = small_model(), small_model()
    by_name.fit(X, targets, **FIT, loss=name)
    plain.fit(X, targets, **FIT, loss=loss)
    assert_equal_models(by_name, plain)


def test_a_list_of_layers():
    layers = [st.Linear(6, 8), st.ReLU(), st.Linear(8, 3)]
    for given in (layers, tuple(layers)):
        model = st.Sequential(given, seed=3)
        assert_equal_models(model, small_model())
        assert model.layers == tuple(layers)
    with pytest.raises(ValueError, match="a model needs at least one Linear layer"):
        st.Sequential([])
    with pytest.raises(TypeError, match=r"layer 1 is \[ReLU\(\)\], but must be a layer"):
        st.Sequential(st.Linear(2, 2), [st.ReLU()])


def test_classes_without_parentheses():
    model = small_model()
    for call, message in [
        (lambda: st.Trainer(model, optimizer=st.Adam), r"optimizer is the class Adam: write st\.Adam\(\)"),
        (lambda: st.Trainer(model, loss=st.Huber), r"loss is the class Huber: write st\.Huber\(\)"),
        (lambda: st.Trainer(model, penalty=st.L2), r"penalty is the class L2: write st\.L2\(\)"),
        (lambda: st.Trainer(model, constraint=st.MaxNorm), r"constraint is the class MaxNorm"),
        (lambda: st.Trainer(model, averaging=st.PolyakAverage), r"averaging is the class PolyakAverage"),
        (lambda: st.Sequential(st.Linear(2, 2), st.ReLU), r"layer 1 is the class ReLU: write st\.ReLU\(\)"),
        (lambda: st.Trainer(model, optimizer=int), r"optimizer is the class int: write int\(\)"),
    ]:
        with pytest.raises(TypeError, match=message):
            call()


def fit(**options):
    small_model().fit([[0.0] * 6], [0], **options)


@pytest.mark.parametrize(
    ("call", "keyword", "message"),
    [
        (fit, "lr", r"Sequential\.fit\(\) got .* 'lr': write optimizer=st\.SGD\(learning_rate=\.\.\.\)"),
        (fit, "learning_rate", r"write optimizer=st\.SGD"),
        (fit, "verbose", "'verbose': write progress"),
        (fit, "alpha", r"'alpha': write penalty=st\.L2"),
        (fit, "max_iter", "write epochs"),
        (fit, "nb_epoch", "write epochs"),
        (fit, "epoch", "write epochs"),
        (fit, "hidden_layer_sizes", r"write layers, as in st\.Sequential"),
        (fit, "weights", "write sample_weight"),
        (fit, "sample_weights", "write sample_weight"),
        (fit, "n_jobs", "st.set_num_threads"),
        (fit, "xyz", r"'xyz'; it takes X, y, loss, optimizer"),
        (lambda **o: st.Trainer(small_model(), **o), "lr", "Trainer.* write optimizer=st.SGD"),
        (lambda **o: st.Trainer(small_model(), **o), "criterion", "write loss"),
        (lambda **o: st.Trainer(small_model()).fit([[0.0] * 6], [0], **o), "loss", "where the st.Trainer is"),
        (lambda **o: st.Sequential(st.Linear(2, 2), **o), "random_state", "write seed"),
        (lambda **o: st.Sequential(**o), "layers", r"write st\.Sequential\(\[\.\.\.\]\)"),
        (st.SGD, "lr", r"SGD\(\) got an unexpected keyword argument 'lr': write learning_rate"),
        (st.SGD, "alpha", "'alpha'; it takes learning_rate, momentum, nesterov"),
        (st.RMSProp, "alpha", "write decay"),
        (st.RMSProp, "rho", "write decay"),
        (st.Adam, "eps", "write epsilon"),
        (st.Adam, "betas", "write beta_1 and beta_2"),
        (st.Adam, "weight_decay", r"st\.AdamW"),
        (st.Linear, "in_channels", "write in_features"),
        (st.Linear, "units", "write out_features"),
        (st.Linear, "activation", r"the next layer, such as st\.ReLU"),
        (st.Dropout, "rate", "write p"),
        (st.BatchNorm, "num_features", "write features"),
        (st.BatchNorm, "eps", "write epsilon"),
        (st.LeakyReLU, "alpha", "negative_slope"),
        (st.SoftmaxCrossEntropy, "weight", "write class_weight"),
        (st.L2, "lambda_", "write strength"),
        (st.schedules.Step, "step_size", r"Step\(\) got .* 'step_size': write every"),
        (st.schedules.Step, "gamma", "write factor"),
        (st.schedules.Exponential, "gamma", "write decay"),
        (st.schedules.Cosine, "T_max", "write steps"),
    ],
)
def test_keywords_of_others(call, keyword, message):
    with pytest.raises(TypeError, match=message):
        call(**{keyword: 1})


def test_the_table_names_what_is_there():
    """Each word that stands alone is a parameter of something."""
    known = set()
    for name in st.__all__:
        if isinstance(value := getattr(st, name), type) and not issubclass(value, Exception):
            known |= set(inspect.signature(value).parameters)
    for kind in (st.Sequential, st.Trainer):
        known |= set(inspect.signature(kind.fit).parameters)
    for name in st.schedules.__all__:
        known |= set(inspect.signature(getattr(st.schedules, name)).parameters)
    from steepest import _advice

    for table in (getattr(_advice, name) for name in dir(_advice) if name.startswith(("_IN_", "_ELSE"))):
        words = {text for text in table.values() if text.isidentifier()}
        assert words <= known, words - known
    for name, text in _advice._NAMES.items():
        word = text.removeprefix("st.")
        assert not hasattr(st, name)
        assert not word.isidentifier() or hasattr(st, word) or " " in text, word


def test_signatures_and_help_stay():
    assert list(inspect.signature(st.SGD).parameters) == ["learning_rate", "momentum", "nesterov"]
    assert "optimizer" in inspect.signature(st.Sequential.fit).parameters
    assert st.Sequential.fit.__doc__.startswith("Train on mini-batches")
    assert pickle.loads(pickle.dumps(st.SGD(0.5))) == st.SGD(0.5)


def test_names_of_others():
    with pytest.raises(AttributeError, match=r"no attribute 'Dense': write st\.Linear"):
        st.Dense  # noqa: B018
    with pytest.raises(AttributeError, match=r"no attribute 'xyz'$"):
        st.xyz  # noqa: B018
    with pytest.raises(AttributeError, match="'Sequential' object has no attribute 'compile': give loss"):
        small_model().compile(optimizer="adam")
    with pytest.raises(AttributeError, match=r"'Sequential' object has no attribute 'xyz'$"):
        small_model().xyz  # noqa: B018


def test_scikit_learn_is_imported_when_it_is_used():
    pytest.importorskip("sklearn")
    code = (
        "import sys, steepest as st; assert 'sklearn' not in sys.modules and 'sklearn' in dir(st);"
        "assert st.sklearn.MLPClassifier.__name__ == 'MLPClassifier' and 'sklearn' in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_warnings_point_at_the_line_of_the_caller(data):
    X, y = data
    optimizer = st.SGD(3.0, 0.9)
    for fitted in (small_model(), st.Trainer(small_model(), optimizer=optimizer)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            options = {"optimizer": optimizer} if isinstance(fitted, st.Sequential) else {}
            fitted.fit(X, y, epochs=12, progress=False, **options)
        assert [one.filename for one in caught] == [__file__]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("MLPClassifier", {"hidden_layer_sizes": (4,), "max_iter": 2, "batch_size": 10_000}),
        ("LinearRegressor", {"solver": "lbfgs", "max_iter": 1, "tol": 1e-12}),
        ("TabularRegressor", {"n_members": 1, "max_time": 1e-9}),
        ("TabularRegressor", {"n_members": 1, "max_steps": 5, "y": "a column"}),
    ],
)
def test_warnings_of_estimators_point_at_the_line_of_the_caller(data, kind, settings):
    """Although scikit-learn's decorator of `fit` stands between."""
    estimators = pytest.importorskip("steepest.sklearn")
    X, y = data
    rows = np.tile(X, (2, 1))
    y = rows[:, 0] if settings.get("y") else np.tile(y, 2)
    own = {name: value for name, value in settings.items() if name != "y"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(estimators, kind)(random_state=0, **own).fit(rows, y)
    assert caught and {one.filename for one in caught} == {__file__}


ONE_HOT = np.eye(3)[[0, 1, 2, 0]]


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (
            ["a", "b", "c", "a"],
            TypeError,
            r"y has dtype <U1.*: use np\.unique\(y, return_inverse=True\)\[1\]",
        ),
        (np.array(["a"] * 4, object), TypeError, "y has dtype object.*, or an estimator, which takes names"),
        (ONE_HOT, ValueError, r"use y\.argmax\(axis=1\) of a one-hot array"),
        ([[0], [1], [2], [0]], ValueError, r"use y\.ravel\(\)"),
        ([1, 2, 3, 1], ValueError, r"label 3 of sample 2 .* counted from 0, so use y - 1"),
        ([0, 1, 2, 3], ValueError, "give the last layer 4 outputs"),
        ([10, 20, 30, 10], ValueError, r"use np\.unique\(y, return_inverse=True\)\[1\] for other numbers"),
        ([0.0, 1.0, 2.0, 0.0], TypeError, r"use y\.astype\(int\)"),
    ],
)
def test_labels_that_are_no_class_indices(y, error, message):
    with pytest.raises(error, match=message):
        small_model().fit(np.zeros((4, 6)), y)


def test_labels_of_two_classes():
    X, two = np.zeros((2, 6)), st.Sequential(st.Linear(6, 2))
    with pytest.raises(ValueError, match=r"use \(y > 0\)\.astype\(int\) for labels -1 and 1"):
        two.fit(X, [-1, 1])
    with pytest.raises(TypeError, match=r"encode names of classes, as \(y == 'yes'\)"):
        st.Sequential(st.Linear(6, 1)).fit(X, ["no", "yes"], loss="bce")


def test_tables_of_pandas(data):
    pandas = pytest.importorskip("pandas")
    X, y = data
    frame, labels = pandas.DataFrame(X), pandas.Series(y)
    plain, tabular = small_model(), small_model()
    plain.fit(X, y, **FIT)
    tabular.fit(frame, labels, **FIT, validation_data=(frame, labels))
    assert_equal_models(plain, tabular)
    flags = X > 0
    plain, mixed, listed = small_model(), small_model(), small_model()
    plain.fit(np.column_stack([X[:, :3], flags[:, 3:]]), y, **FIT)
    mixed.fit(pandas.concat([frame[[0, 1, 2]], frame[[3, 4, 5]] > 0], axis=1), labels.astype("Int64"), **FIT)
    assert_equal_models(plain, mixed)
    listed.fit(np.column_stack([X[:, :3], flags[:, 3:]]).tolist(), y.tolist(), **FIT)
    assert_equal_models(plain, listed)
    with pytest.raises(TypeError, match=r"X has columns that are not numbers \('city'\): .*get_dummies"):
        small_model().fit(frame.assign(city="Rome"), y)
    with pytest.raises(TypeError, match=r"y has dtype .*, but must hold real numbers: use np.unique"):
        small_model().fit(frame, labels.map(str))
    with pytest.raises(ValueError, match="row 0 of X holds NaN"):
        small_model().fit(frame.astype("Float64").mask(frame == frame.iloc[0, 0]), y)


def test_sparse_samples_where_they_cannot_be_used(data):
    sparse = pytest.importorskip("scipy.sparse")
    X, y = sparse.csr_array(data[0]), data[1]
    model = st.Sequential(st.BatchNorm(6), st.Linear(6, 3))
    for use in (model, model.predict, lambda X: model.fit(X, y)):
        with pytest.raises(TypeError, match=r"begins with Linear or Maxout takes sparse .*: use its toarray"):
            use(X)
    with pytest.raises(TypeError, match=r"y is a csr_array, but must be dense: use its toarray\(\)"):
        small_model().fit(data[0], sparse.csr_array(np.eye(3)[y]))
