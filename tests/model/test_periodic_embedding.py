"""PeriodicEmbedding: its formula and gradients on both backends, and the same bits whatever the threads."""

from __future__ import annotations

import numpy as np
import pytest
from support.implementations import FUSED, needs_native
from support.strategies import numbers
from support.tolerances import FUNCTION, assert_close, assert_equal_models, assert_same_bits

import steepest as st

Embedding = st.PeriodicEmbedding
X = numbers((70, 5))
LABELS = np.arange(70) % 3
# First, between a product and an activation that is fused with it or not, and last; of all features or some.
SOME = (1, 2, *range(5, 37, 2))
LAYERS = (Embedding(5, 3, 4, std=1.0, columns=[0, 3]), st.Linear(11, 37), Embedding(37, 2, 3, columns=SOME))
LAYERS += (st.Tanh(), st.Linear(73, 19), Embedding(19, 1, 7, 0.5), st.Mish(), st.Linear(133, 1))
LAYERS += (Embedding(1, 5, 3),)


def model(dtype: str = "float64") -> st.Sequential:
    return st.Sequential(*LAYERS, dtype=dtype, seed=3)


def parts(layer: st.PeriodicEmbedding, weight: np.ndarray) -> list[np.ndarray]:
    """The frequencies, phases, mixing matrix and shifts, with the shapes that the docstring has."""
    K, M, features = layer.frequencies, layer.outputs - 1, len(layer.columns or range(layer.features))
    w, b, A, a = np.split(weight, [K, 2 * K, (2 + M) * K])
    assert a.shape == (M, features)
    return [w, b, A.reshape(M, K, features), a]


def expected(layer: st.PeriodicEmbedding, weight: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What comes out by the formula, in float64, and the size of its terms and their errors."""
    w, b, A, a = (part.astype(np.float64) for part in parts(layer, weight))
    given = x.astype(np.float64)
    wide = given[:, None, list(layer.columns or range(layer.features))]
    turns = wide * w + b
    y = np.einsum("nkf,mkf->nmf", np.cos(2 * np.pi * turns), A) + a
    size = np.einsum("nkf,mkf->nmf", 1 + 2 * np.pi * (np.abs(wide * w) + np.abs(b)), np.abs(A)) + np.abs(a)
    return tuple(np.concatenate([given, part.reshape(len(x), -1)], axis=1) for part in (y, size))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("features", [1, 5, 16, 19, 33])
@pytest.mark.parametrize(("frequencies", "outputs"), [(1, 2), (3, 5), (4, 6), (16, 4)])
@pytest.mark.parametrize("every", [1, 2])
def test_an_embedding_is_its_formula(backend, dtype, features, frequencies, outputs, every):
    columns = None if every == 1 else range(0, features, every)
    layer = Embedding(features, frequencies, outputs, std=1.0, columns=columns)
    columns = layer.features_out
    made = st.Sequential(layer, st.Linear(columns, columns, bias=False), dtype=dtype)
    made.load_state_dict(made.state_dict() | {"1.weight": np.eye(columns)})
    x = numbers((23, features), seed=features).astype(dtype)
    with backend.computing():
        scores = made(x)
    y, size = expected(layer, made.state_dict()["0.weight"], x)
    assert_close(scores, y.astype(dtype), frequencies + FUNCTION, np.abs(size))


def waves(dtype: str) -> st.Sequential:
    """[x, cos(2 pi x)], as the sum of the two: what the layer's own column gives is taken away."""
    made = st.Sequential(Embedding(1, 1, 2), st.Linear(2, 1, bias=False), dtype=dtype)
    made.load_state_dict({"0.weight": [[1.0], [0.0], [1.0], [0.0]], "1.weight": [[0.0], [1.0]]})
    return made


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_cosine_loses_nothing_to_whole_turns(backend, dtype):
    mantissa = np.finfo(dtype).nmant
    part = np.arange(-40, 41) / 32
    whole = np.outer([0.0, 1.0, -7.0, 2.0 ** (mantissa - 6)], np.ones(81))
    beyond = 2.0 ** np.arange(mantissa - 1, 100)
    with backend.computing():
        turned, integers = waves(dtype)((whole + part).reshape(-1, 1)), waves(dtype)(beyond[:, None])
    exact = np.tile(np.cos(2 * np.pi * part), 4)[:, None]
    assert_close(turned, exact.astype(dtype), FUNCTION, np.ones(exact.shape))
    assert (integers == 1).all()


@pytest.mark.parametrize("loss", ["squared_error", "log_cosh"])
def test_gradients_are_the_numerical_ones(backend, loss):
    with backend.computing():
        assert st.gradients.check_gradients(model(), X[:12], numbers((12, 3), seed=4), loss=loss)


@needs_native
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("features", "frequencies", "outputs"), [(1, 3, 2), (7, 16, 4), (33, 2, 9)])
def test_both_backends_have_the_same_gradients(dtype, features, frequencies, outputs):
    layer = Embedding(features, frequencies, outputs)
    made = st.Sequential(st.Linear(5, features), layer, st.Linear(layer.features_out, 3), dtype=dtype, seed=1)
    found = {}
    for backend in ("native", "reference"):
        with st.config(backend):
            loss, gradients = made.loss_and_gradients(X, LABELS, loss="softmax")
        found[backend] = {**gradients, "loss": np.asarray(loss)}
    for key, value in found["reference"].items():
        scale = np.abs(value).max() + 1
        np.testing.assert_allclose(found["native"][key] / scale, value / scale, atol=64 * np.finfo(dtype).eps)


TRAINED = {
    "fused": {"optimizer": st.NAdam(0.01)},
    "momentum": {"optimizer": st.SGD(0.001, 0.9, nesterov=True)},
    "clipped norm": {"optimizer": st.Adam(0.01), "clip_norm": 0.1},
    "averaged": {"optimizer": st.SGD(0.001), "averaging": st.ExponentialAverage(0.9)},
    "slower": {"optimizer": st.Adam(0.01), "rate_factors": {0: 0.1}},
    "frozen": {"optimizer": st.Adam(0.01), "frozen": {0, 2}},
}


def trained(dtype: str, how: str) -> st.Sequential:
    made = model(dtype)
    y = numbers((70, 3), seed=5)
    made.fit(X, y, loss="squared_error", **TRAINED[how], epochs=3, batch_size=32, progress=False)
    return made


@needs_native
@pytest.mark.parametrize("how", TRAINED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_and_instruction_sets_change_no_bit(dtype, how):
    states = []
    for isa in FUSED:
        for threads in (1, 2, 3):
            with st.config("native", threads, isa):
                made = trained(dtype, how)
                states.append({**made.state_dict(), "scores": made(X)})
    for state in states[1:]:
        for key, value in states[0].items():
            assert_same_bits(state[key], value)


@needs_native
@pytest.mark.parametrize("how", TRAINED)
def test_both_backends_train_the_same_embeddings(how):
    with st.config("native"):
        state = trained("float64", how).state_dict()
    with st.config("reference"):
        reference = trained("float64", how).state_dict()
    for key, value in reference.items():
        np.testing.assert_allclose(state[key], value, rtol=1e-8, atol=1e-8)
    start = model().state_dict()["0.weight"]
    assert (state["0.weight"] == start).all() if how == "frozen" else (state["0.weight"] != start).all()


def test_initial_parts_are_drawn_as_documented():
    layer = Embedding(200, 25, 3, std=0.2)
    made = st.Sequential(layer, st.Linear(600, 2), dtype="float64", seed=5)
    w, b, A, a = parts(layer, made.state_dict()["0.weight"])
    assert abs(w.std() - 0.2) < 0.01 and abs(w.mean()) < 0.01
    for part, bound in ((b, 0.5), (A, 0.2), (a, 0.2)):
        assert 0.95 * bound < np.abs(part).max() <= bound and abs(part.mean()) < 0.06 * bound
        assert abs(part.std() - bound / np.sqrt(3)) < 0.03 * bound


def test_initial_weights_depend_on_the_seed_alone():
    own = st.Sequential(*LAYERS, initializer=st.initializers.Zeros(), dtype="float64", seed=3).state_dict()
    for key in ("0.weight", "2.weight", "8.weight"):
        assert own[key].any()
        assert_same_bits(model("float32").state_dict()[key], model().state_dict()[key].astype(np.float32))
    assert not own["1.weight"].any() and (own["0.weight"] == model().state_dict()["0.weight"]).all()


@pytest.mark.parametrize("change", [{"frequencies": 4}, {"outputs": 5}, {"std": 0.2}, {"columns": [1]}])
def test_every_setting_acts(change):
    layer = Embedding(**({"features": 2} | change))
    made = st.Sequential(layer, st.Linear(layer.features_out, 1), seed=1).state_dict()
    usual = st.Sequential(Embedding(2), st.Linear(8, 1), seed=1).state_dict()
    if "std" in change:
        assert_close(made["0.weight"][:16], 2 * usual["0.weight"][:16], 2, 1.0)
        assert_same_bits(made["0.weight"][16:], usual["0.weight"][16:])
    else:
        shapes = {"frequencies": (23, 2), "outputs": (100, 2), "columns": (83, 1)}
        assert made["0.weight"].shape == shapes[next(iter(change))]


def test_neither_penalty_nor_decay_is_for_embeddings(backend):
    with pytest.raises(ValueError, match=r"PeriodicEmbedding\(.*\) has no weights"):
        model().fit(X, X[:, :3], loss="squared_error", penalty={0: st.L2(0.1)}, progress=False)
    layers = st.Sequential(Embedding(5), st.Linear(20, 3), dtype="float64")
    layers.load_state_dict(layers.state_dict() | {"1.weight": np.zeros((20, 3))})
    before = layers.state_dict()["0.weight"]
    how = {"optimizer": st.AdamW(0.1, weight_decay=0.5), "penalty": st.L2(0.5), "constraint": st.MaxNorm(0.1)}
    with backend.computing():  # of what is multiplied by 0, the embedding has no gradient
        layers.fit(X, np.zeros((70, 3)), loss="squared_error", **how, epochs=2, progress=False)
    assert_same_bits(layers.state_dict()["0.weight"], before)


def test_an_embedding_is_saved(backend, tmp_path):
    layers = model()
    with backend.computing():
        layers.fit(X, numbers((70, 3)), loss="squared_error", epochs=1, progress=False, optimizer="adam")
        layers.save(tmp_path / "model.safetensors")
        loaded = st.load(tmp_path / "model.safetensors")
        assert_equal_models(loaded, layers)
        assert_same_bits(loaded(X), layers(X))
    assert loaded.layers == LAYERS
    assert (
        repr(loaded.layers[0])
        == "PeriodicEmbedding(features=5, frequencies=3, outputs=4, std=1.0, columns=(0, 3))"
    )


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"features": 0}, ValueError, "features is 0, but must be at least 1"),
        ({"features": 2.5}, TypeError, "features must be an integer, not 2.5"),
        ({"frequencies": 0}, ValueError, "frequencies is 0, but must be at least 1"),
        ({"frequencies": "4"}, TypeError, "frequencies must be an integer, not '4'"),
        ({"outputs": 1}, ValueError, "outputs is 1, but must be at least 2"),
        ({"outputs": None}, TypeError, "outputs must be an integer, not None"),
        ({"std": 0.0}, ValueError, r"std is 0\.0, but must be"),
        ({"std": np.inf}, ValueError, "std is inf, but must be"),
        ({"std": "wide"}, TypeError, "std must be a real number, not 'wide'"),
        ({"columns": 1}, TypeError, "columns must be None or a sequence of integers, not 1"),
        ({"columns": [0.5]}, TypeError, r"columns\[0\] must be an integer, not 0\.5"),
        ({"columns": [-1]}, ValueError, r"columns\[0\] is -1, but must be at least 0"),
        (
            {"columns": []},
            ValueError,
            r"columns is \[\], but must be some features, each above the one before",
        ),
        ({"columns": [1, 1]}, ValueError, r"columns is \[1, 1\], but must be some features"),
        ({"columns": [1, 3]}, ValueError, "columns has 3, but features is 3"),
    ],
)
def test_embeddings_are_checked(settings, error, message):
    with pytest.raises(error, match=message):
        Embedding(**({"features": 3} | settings))


def test_an_embedding_must_fit_the_model():
    with pytest.raises(ValueError, match=r"layer 1 is PeriodicEmbedding\(features=4, .*but the layer before"):
        st.Sequential(st.Linear(5, 3), Embedding(4))
    with pytest.raises(ValueError, match=r"layer 1 is Linear\(12, 2\), but the layer before gives 8"):
        st.Sequential(Embedding(2), st.Linear(12, 2))
    with pytest.raises(ValueError, match="a model needs at least one Linear layer"):
        st.Sequential(Embedding(2))
    with pytest.raises(ValueError, match=r"std is 1e\+300, but must be"):
        st.Sequential(Embedding(2, std=1e300), st.Linear(8, 2))
    with pytest.raises(ValueError, match=r"std=3e\+38, .*drew a weight of size .* largest number of float32"):
        st.Sequential(Embedding(9, std=3e38), st.Linear(36, 2))
    with pytest.raises(ValueError, match=r"weight of \d+ x \d+ numbers is larger than any memory"):
        st.Sequential(Embedding(2**40, 2**40), st.Linear(2**42, 1))


@needs_native
def test_the_extension_refuses_sizes_that_do_not_fit():
    from steepest import _core
    from steepest.backends.data import Parameters
    from steepest.compile.stage import Stage

    def make(inputs, outputs, rows, kind="periodic", shape=None, columns=()):
        stage = Stage(inputs, outputs, kind=kind, rows=rows, parameters="rows", columns=columns)
        weight = np.zeros(shape or (rows, stage.weight_columns))
        return _core.NetworkFloat64([stage], [Parameters(weight, None)], [])

    make(2, 4, 4)
    make(2, 3, 4, columns=(1,))
    for columns in [(2,), (-1,), (1, 1), (1, 0), (0, 1, 2)]:
        with pytest.raises(ValueError, match="that does not fit its kind"):
            make(2, 2 + len(columns), 4, columns=columns)
    with pytest.raises(ValueError, match="that does not fit its kind"):
        make(3, 3, 0, "scale", shape=(1, 3), columns=(1,))
    for inputs, outputs, rows in [(2, 5, 4), (2, 2, 4), (2, 4, 5), (2, 4, 1), (2, 6, 2)]:
        with pytest.raises(ValueError, match="that does not fit its kind"):
            make(inputs, outputs, rows)
    with pytest.raises(ValueError, match="that does not fit its kind"):
        make(3, 3, 1, "scale")
    with pytest.raises(ValueError, match="weight has another shape"):
        make(2, 4, 4, shape=(4, 4))
