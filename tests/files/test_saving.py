"""Saving: `load` reads what `save` writes, and `save` refuses what `load` would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies
from support.files import load_with_metadata
from support.strategies import bounded
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st
from steepest.datasets import two_moons
from steepest.initializers import Normal
from steepest.losses import LOSSES
from steepest.storage import safetensors as _safetensors


def model(seed=0):
    return st.Sequential(st.Linear(6, 3), st.BatchNorm(3), seed=seed)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


FLOATS = float, np.float64, np.float32, np.float16, np.longdouble
INTEGERS = int, np.int64, np.uint8
ACTIVATIONS = [*st.layers.ACTIVATIONS.values()]
TEXTS = strategies.text(strategies.characters(exclude_categories=()), max_size=5)  # lone surrogates too


def random_layer(random, width, depth=2):
    def number(low, high):
        return random.choice(FLOATS)(random.uniform(low, high))

    def residual():
        inner = [random_layer(random, width, depth - 1) for _ in range(random.randint(1, 2))]
        return st.Residual(*inner, survival_probability=number(0.1, 1))

    integer = random.choice(INTEGERS)
    n, mask = integer(width), random.choice([None, np.ones(width, bool)])
    makers = [
        lambda: st.Linear(n, n, random.random() < 0.5, initializer=Normal(0.5)),
        lambda: st.Maxout(n, n, pieces=integer(2)),
        lambda: st.BatchNorm(n, momentum=number(0, 0.9), epsilon=number(0.1, 1)),
        lambda: st.Dropout(number(0, 0.9), mask=mask),
        lambda: st.LeakyReLU(random.choice([number(0, 5), random.randrange(2**60), -0.0])),
        lambda: st.FractionalMaxPool2d(integer(1), integer(1), n, number(1, 1)),
        random.choice(ACTIVATIONS),
        residual if depth else st.ReLU,
    ]
    return random.choice(makers)()


@bounded
@given(strategies.randoms(use_true_random=True), strategies.dictionaries(TEXTS, TEXTS, max_size=3))
def test_what_is_saved_can_be_loaded(tmp_path_factory, random, metadata):
    path, width = tmp_path_factory.getbasetemp() / "model", random.randint(1, 4)
    layers = [random_layer(random, width) for _ in range(random.randint(0, 5))]
    dtype, seed = random.choice([np.float32, np.float64]), random.choice([0, 2**64 - 1, np.uint64(2**63)])
    model = st.Sequential(st.Linear(width, width), *layers, dtype=dtype, seed=seed)
    model.save(path, metadata=metadata)
    again, read = load_with_metadata(path)
    assert read == metadata and again.seed == model.seed and again.dtype == model.dtype
    assert_equal_models(again, model)
    rows = np.linspace(-1, 1, 3 * width).reshape(3, width)
    assert_same_bits(again(rows), model(rows))
    content = path.read_bytes()
    again.save(path, metadata=read)
    assert path.read_bytes() == content


def test_sizes_of_a_narrow_type_do_not_overflow():
    n, pieces = np.uint8(200), np.uint8(2)
    for layer, plain in (
        (st.Maxout(n, n, pieces), st.Maxout(200, 200)),
        (st.Linear(n, n), st.Linear(200, 200)),
    ):
        assert repr(layer) == repr(plain)
        assert_equal_models(st.Sequential(layer), st.Sequential(plain))
    assert st.FractionalMaxPool2d(n, n, n, 1.0).out_features == 200**3


class Doubled(st.Linear):
    """A layer that a file cannot name."""


Impostor = type("Linear", (st.Linear,), {})


def changed(**attributes):
    twin = model()
    for name, value in attributes.items():
        setattr(twin, name, value)
    return twin


def with_value(key, value):
    twin = model()
    dict(twin.compiled.state())[key].flat[-1] = value
    return twin


def deep():
    layer = st.ReLU()
    for _ in range(2000):
        layer = st.Residual(layer)
    return changed(layers=(st.Linear(6, 3), layer))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: with_value("0.weight", np.nan), "0.weight holds NaN or an infinity"),
        (lambda: with_value("0.bias", np.inf), "0.bias holds NaN or an infinity"),
        (lambda: with_value("1.running_mean", -np.inf), "1.running_mean holds NaN or an infinity"),
        (lambda: with_value("1.running_var", -1), "1.running_var holds -1.0, but a variance is not negative"),
        (lambda: st.Sequential(Doubled(6, 3)), "is a Doubled, which cannot be described"),
        (lambda: st.Sequential(Impostor(6, 3)), "is a Linear, which cannot be described"),
        (lambda: st.Sequential(st.Linear(6, 6), st.Residual(Doubled(6, 6))), "is a Doubled, which cannot be"),
        (lambda: changed(seed=-1), "seed is -1"),
        (lambda: changed(seed=2**64), "seed is 18446744073709551616"),
        (lambda: changed(seed="0"), "seed must be an integer"),
        (lambda: changed(dtype=np.dtype(np.float16)), "dtype is 'float16'|infinity"),
        (lambda: changed(layers=(st.Linear(6, 4), st.BatchNorm(4))), "0.weight has shape"),
        (deep, "recursion"),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(tmp_path, make, message):
    path, refused = tmp_path / "model", make()
    model().save(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"the model cannot be saved: .*{message}"):
        refused.save(path)
    assert path.read_bytes() == before and names(tmp_path) == ["model"]


def test_a_description_that_is_too_long_is_not_saved(tmp_path, monkeypatch):
    path = tmp_path / "model"
    model().save(path)
    before = path.read_bytes()
    monkeypatch.setattr(_safetensors, "_LONGEST_HEADER", 10_000)
    with pytest.raises(ValueError, match=r"its header has \d+ bytes, but may have at most 10000"):
        model().save(path, metadata={"notes": "é" * 10_000})
    assert path.read_bytes() == before


def test_a_mask_is_no_part_of_the_file(tmp_path):
    masked = st.Sequential(st.Dropout(mask=np.ones((9, 6), bool)), st.Linear(6, 3))
    masked.save(tmp_path / "model")
    again = st.load(tmp_path / "model")
    assert again.layers == masked.layers and again.layers[0].mask is None


@pytest.mark.parametrize("loss", [*LOSSES.values(), st.SoftmaxCrossEntropy(label_smoothing=0.1)])
def test_a_file_keeps_the_loss(tmp_path, loss):
    X, y = two_moons()
    model = st.Sequential(st.Linear(2, 2))
    model.fit(X, y if loss.takes_labels else np.eye(2)[y], loss=loss, epochs=1, progress=False)
    model.save(tmp_path / "m.safetensors", metadata={"note": "mine"})
    same, metadata = load_with_metadata(tmp_path / "m.safetensors")
    assert (same.loss, metadata) == (loss, {"note": "mine"})
    if "Hinge" in type(loss).__name__:
        with pytest.raises(ValueError, match="whose scores are no probabilities"):
            same.predict_proba(X)


def test_a_loss_of_ones_own_is_not_kept_and_a_damaged_one_refused(tmp_path):
    X, y = two_moons()
    model = st.Sequential(st.Linear(2, 2))
    model.fit(X, np.eye(2)[y], loss=lambda s, t: (0.0, s - t), epochs=1, progress=False)
    model.save(tmp_path / "m.safetensors")
    assert load_with_metadata(tmp_path / "m.safetensors")[0].loss is None
    for text in (
        "",
        "[]",
        '{"loss": "Odd"}',
        '{"loss": "Huber", "delta": -1}',
        '{"loss": "Huber", "more": 1}',
    ):
        model.save(tmp_path / "m.safetensors", metadata={"steepest.loss": text})
        with pytest.raises(st.ModelFileError):
            st.load(tmp_path / "m.safetensors")
