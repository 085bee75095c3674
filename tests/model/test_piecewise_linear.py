"""`PiecewiseLinear`: its ramps, the product that never sees them, and what it keeps."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from support.implementations import FUSED, needs_native
from support.tolerances import assert_close, assert_same_bits

import steepest as st

RANDOM = np.random.default_rng(0)
X = np.column_stack(
    [
        RANDOM.standard_normal(301),
        RANDOM.exponential(size=301) * 3,
        RANDOM.integers(0, 3, 301),
        RANDOM.random(301) < 0.5,
        np.where(RANDOM.random(301) < 0.6, 0.0, RANDOM.random(301)),
    ]
).astype(np.float64)
Y = (X[:, 0] > 0).astype(int) + (X[:, 4] > 0)
BINS = (16, 5, 4, 0, 3)


def ramps(x: np.ndarray, knots: np.ndarray, layer: st.PiecewiseLinear) -> np.ndarray:
    """What the layer gives, ramp by ramp."""
    made, first = [x[:, list(layer.given)]], 0
    for column, bins in zip(x.T, layer.bins_of_features, strict=True):
        for low, high in zip(knots[first : first + bins], knots[first + 1 : first + bins + 1], strict=True):
            step = (column > low).astype(float)
            made.append(
                (2 * (step if high == low else np.clip((column - low) / (high - low), 0, 1)) - 1)[:, None]
            )
        first += bins + 1 if bins else 0
    return np.concatenate(made, axis=1)


def model(dtype: Any = np.float64, keep: bool = True, outputs: int = 3, hidden: int = 20) -> st.Sequential:
    first = st.PiecewiseLinear(5, BINS, keep)
    layers = [st.Linear(first.features_out, hidden), st.Tanh(), st.Linear(hidden, outputs)]
    made = st.Sequential(first, *layers, dtype=dtype, seed=3)
    made.standardize(X)
    return made


def bare(made: st.Sequential) -> st.Sequential:
    """The same without the encoding."""
    same = st.Sequential(*made.layers[1:], dtype=made.dtype, seed=3)
    state = made.state_dict()
    del state["0.knots"]
    same.load_state_dict({f"{int(key[0]) - 1}{key[1:]}": value for key, value in state.items()})
    return same


@pytest.mark.parametrize("keep", [False, True])
def test_a_product_is_that_of_the_ramps(implementation, keep: bool) -> None:
    made = model(keep=keep)
    encoded = ramps(X, made.state_dict()["0.knots"], made.layers[0])
    assert encoded.shape[1] == made.layers[0].features_out == made.layers[1].in_features
    with implementation.computing():
        scores = made(X)
    weight = np.abs(made.state_dict()["1.weight"])
    size = (np.abs(encoded).max() * weight.sum(axis=0).max() * 20 + 1) * 20
    assert_close(scores, bare(made)(encoded), 200, size)


def test_training_is_that_of_the_ramps(implementation) -> None:
    made = model()
    encoded, other = ramps(X, made.state_dict()["0.knots"], made.layers[0]), bare(made)
    settings: dict[str, Any] = {"penalty": st.L2(1e-3), "epochs": 3, "batch_size": 32, "progress": False}
    for optimizer in (st.SGD(1e-3, momentum=0.9), st.Adam(1e-3), st.AdamW(1e-3, weight_decay=0.1)):
        with implementation.computing():
            got = made.fit(X, Y, optimizer=optimizer, **settings)
        expected = other.fit(encoded, Y, optimizer=optimizer, **settings)
        np.testing.assert_allclose(got.loss, expected.loss, rtol=1e-7)
        np.testing.assert_allclose(
            made.state_dict()["1.weight"], other.state_dict()["0.weight"], rtol=1e-5, atol=1e-7
        )


@pytest.mark.parametrize(
    "settings",
    [
        {"clip_norm": 0.1},
        {"constraint": st.MaxNorm(0.5)},
        {"optimizer": st.Adam(1e-3, lazy=True)},
        {"averaging": st.ExponentialAverage(0.9)},
        {"penalty": st.L1(1e-3)},
        {"rate_factors": {1: 0.1}},
        {"optimizer": st.SGD(1e-3, nesterov=True, momentum=0.9), "penalty": st.L2(1e-2)},
        {"loss": st.MulticlassHinge()},
    ],
    ids=str,
)
def test_all_that_a_step_can_do(implementation, settings: dict[str, Any]) -> None:
    made = model()
    encoded, other = ramps(X, made.state_dict()["0.knots"], made.layers[0]), bare(made)
    settings = {"optimizer": st.SGD(1e-3), **settings, "epochs": 2, "batch_size": 50, "progress": False}
    with implementation.computing():
        made.fit(X, Y, **settings)
    if "rate_factors" in settings:
        settings["rate_factors"] = {0: 0.1}
    other.fit(encoded, Y, **settings)
    np.testing.assert_allclose(
        made.state_dict()["1.weight"], other.state_dict()["0.weight"], rtol=1e-5, atol=1e-7
    )


@needs_native
@pytest.mark.parametrize("fused", FUSED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits_do_not_depend_on_threads_or_instruction_sets(fused: str, dtype: Any) -> None:
    wide = np.tile(X, (20, 1)) + RANDOM.normal(0, 0.1, (6020, 5))
    results = []
    for threads in (1, 2, 3, 7):
        with st.config(isa=fused, num_threads=threads):
            made = model(dtype, hidden=130)
            made.fit(wide, np.tile(Y, 20), optimizer="adam", epochs=2, batch_size=512, progress=False)
            results.append((made.state_dict()["1.weight"], made(wide)))
            assert_same_bits(made(wide)[5:6], made(wide[5:6]))
    with st.config(isa=FUSED[0], num_threads=1):
        made = model(dtype, hidden=130)
        made.fit(wide, np.tile(Y, 20), optimizer="adam", epochs=2, batch_size=512, progress=False)
    for weight, scores in results:
        assert_same_bits(weight, made.state_dict()["1.weight"])
        assert_same_bits(scores, results[0][1])


@pytest.mark.parametrize(
    "second", [st.BatchNorm(33), st.Dropout(0.0), st.Maxout(33, 4), st.Identity()], ids=str
)
def test_any_layer_may_follow(backend: Any, second: st.layers.Layer) -> None:
    with st.config(backend.backend):
        first = st.PiecewiseLinear(5, BINS, True)
        made = st.Sequential(
            first, second, st.Linear(4 if isinstance(second, st.Maxout) else 33, 3), dtype=np.float64
        )
        made.standardize(X)
        encoded = ramps(X, made.state_dict()["0.knots"], first)
        np.testing.assert_allclose(made(X), bare(made)(encoded), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("keep", [False, True])
def test_gradients(backend: Any, keep: bool) -> None:
    with st.config(backend.backend):
        made = model(keep=keep)
        scaled = X / 3
        made.standardize(scaled)
        assert st.gradients.check_gradients(made, scaled, Y, loss="softmax", penalty=st.L2(0.01))
        _, gradients = made.loss_and_gradients(scaled, Y, loss="softmax")
        assert (
            "0.knots" not in gradients and gradients["1.weight"].shape == made.state_dict()["1.weight"].shape
        )


def test_knots_are_values_or_quantiles() -> None:
    knots = model().state_dict()["0.knots"]
    np.testing.assert_allclose(knots[:17], np.quantile(X[:, 0], np.linspace(0, 1, 17)))
    assert knots[23:28].tolist() == [0, 1, 2, 2, 2]  # three values
    assert (np.diff(knots[28:]) >= 0).all() and knots[28] == knots[29] == 0  # most of them are 0


def test_a_fit_sets_them_once_from_its_training_rows() -> None:
    made = st.Sequential(st.PiecewiseLinear(5), st.Linear(80, 3))
    with pytest.raises(ValueError, match=r"whose knots are not set: call fit, or model\.standardize"):
        st.Trainer(made).step(X, Y)
    before = made.state_dict()["0.knots"]
    with pytest.raises(ValueError, match="NaN"):
        made.fit(np.full_like(X, np.nan), Y, progress=False)
    assert_same_bits(made.state_dict()["0.knots"], before)
    made.fit(X, Y, optimizer=st.SGD(1e-3), epochs=1, progress=False)
    own = made.state_dict()["0.knots"]
    made.fit(2 * X, Y, optimizer=st.SGD(1e-3), epochs=1, progress=False)
    assert_same_bits(made.state_dict()["0.knots"], own)
    split = st.Sequential(st.PiecewiseLinear(5), st.Linear(80, 3))
    split.fit(X, Y, validation_split=0.5, epochs=1, progress=False)
    assert (split.state_dict()["0.knots"] != own).any()


def test_files_copies_and_folding(tmp_path: Path) -> None:
    made = model(np.float32)
    made.fit(X, Y, epochs=2, progress=False)
    made.save(tmp_path / "m.safetensors")
    copies = [st.load(tmp_path / "m.safetensors"), copy.deepcopy(made), pickle.loads(pickle.dumps(made))]
    for same in [*copies, made.folded()]:
        assert same.layers == made.layers
        assert_same_bits(same(X), made(X))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(backend: Any, bad: float) -> None:
    with st.config(backend.backend):
        made, broken = model(keep=False), X.copy()
        broken[7, 1] = bad
        for call in (
            made,
            lambda x: made.loss_and_gradients(x, Y, loss="softmax"),
            lambda x: made.fit(x, Y, progress=False),
        ):
            with pytest.raises(ValueError, match="row 7"):
                call(broken)


def test_numbers_far_outside_are_at_the_ends(backend: Any) -> None:
    with st.config(backend.backend):
        made = model(keep=False)
        made.load_state_dict({**made.state_dict(), "0.knots": made.state_dict()["0.knots"]})
        far, ends = X.copy(), X.copy()
        far[:, 0], ends[:, 0] = 1e30, X[:, 0].max()
        assert_same_bits(made(far), made(ends))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: st.PiecewiseLinear(0), "features is 0, but must be at least 1"),
        (lambda: st.PiecewiseLinear(2, 0), "bins is 0, but must be at least 1"),
        (lambda: st.PiecewiseLinear(2, (1, -1)), r"bins\[1\] is -1, but must be at least 0"),
        (lambda: st.PiecewiseLinear(2, (0, 0)), r"bins is \(0, 0\), but at least one feature must have bins"),
        (lambda: st.PiecewiseLinear(2, (3,)), "bins has 1 numbers, but features is 2"),
        (lambda: st.Sequential(st.Linear(2, 2), st.PiecewiseLinear(2)), "must be the first"),
        (
            lambda: st.Sequential(st.PiecewiseLinear(2, 3), st.Linear(5, 2)),
            "the layer before gives 6 features",
        ),
        (lambda: model().standardize(X[:0]), "0"),
        (lambda: model(np.float32).standardize(X * 1e200), "too large for float32"),
        (lambda: model()(X[:, :4]), "X has 4 features, but the first layer takes 5"),
    ],
)
def test_mistakes(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError, match=r"layer 0 is PiecewiseLinear.*toarray"):
        model().fit(csr_array(X), Y, progress=False)
    with pytest.raises(TypeError, match="bins must be an integer"):
        st.PiecewiseLinear(2, "ab")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="keep_features"):
        st.PiecewiseLinear(2, 3, 1)  # type: ignore[arg-type]


def test_a_number_is_the_same_in_either_dtype(backend: Any) -> None:
    """Or a training row would lie on either side of a knot that was rounded."""
    with st.config(backend.backend):
        for bins in (2, 1000):
            made = st.Sequential(st.PiecewiseLinear(5, bins), st.Linear(5 * bins, 1))
            near = 1e6 + X / 1e3
            made.standardize(near)
            assert_same_bits(made(near), made(near.astype(np.float32)))
