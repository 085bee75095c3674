"""`Standardize`: learned once from the training rows, exact, saved, folded, and the same on both backends."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.preprocessing import StandardScaler

import steepest as st

X, Y = st.datasets.two_moons(200)
RAW = X * [3000.0, 0.002] + [5e4, -1.0]


def model(dtype: Any = np.float32, first: st.layers.Layer | None = None) -> st.Sequential:
    return st.Sequential(first or st.Standardize(), st.Linear(2, 8), st.Tanh(), st.Linear(8, 2), dtype=dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_raw_data_learn_as_standardized_ones(backend: Any, dtype: Any) -> None:
    with st.config(backend.backend):
        own, bare = model(dtype), st.Sequential(st.Linear(2, 8), st.Tanh(), st.Linear(8, 2), dtype=dtype)
        scaled = StandardScaler().fit_transform(RAW)
        settings: dict[str, Any] = {"optimizer": st.Adam(0.01), "epochs": 20, "progress": False}
        history, expected = own.fit(RAW, Y, **settings), bare.fit(scaled, Y, **settings)
        np.testing.assert_allclose(history.loss, expected.loss, rtol=1e-4 if dtype == np.float32 else 1e-11)
        np.testing.assert_allclose(own(RAW), bare(scaled), rtol=1e-3, atol=1e-4)
        assert st.accuracy(Y, own(RAW)) > 0.85


def test_statistics_are_those_of_the_training_rows() -> None:
    made = model(np.float64)
    made.fit(RAW, Y, epochs=1, progress=False)
    state = made.state_dict()
    np.testing.assert_allclose(state["0.mean"], RAW.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(state["0.scale"], RAW.std(axis=0), rtol=1e-12)
    made.fit(RAW * 2, Y, epochs=1, progress=False)  # later fits keep them
    np.testing.assert_array_equal(made.state_dict()["0.mean"], state["0.mean"])
    split = model(np.float64)
    split.fit(RAW, Y, epochs=1, validation_split=0.5, progress=False)
    assert (split.state_dict()["0.mean"] != state["0.mean"]).all()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_bits_do_not_depend_on_threads_or_order(threads: int) -> None:
    wide = np.random.default_rng(0).standard_normal((10_000, 2)) * 1e3
    with st.config(num_threads=threads):
        made = model()
        made.standardize(wide)
        assert made(wide).tobytes() == expected_bits(wide)
    np.testing.assert_array_equal(made(np.asfortranarray(wide)), made(wide))
    np.testing.assert_array_equal(made(wide)[17:19], made(wide[17:19]))


def expected_bits(wide: Any) -> bytes:
    made = model()
    made.standardize(wide)
    return made(wide).tobytes()


def test_little_is_lost_around_a_large_number() -> None:
    made, far = model(), X + 1e9
    made.standardize(far)
    near = model()
    near.standardize(X)
    shift = (far.mean(axis=0) - made.state_dict()["0.mean"].astype(np.float64)) / X.std(axis=0)
    z = (X - X.mean(axis=0)) / X.std(axis=0) + shift
    bare = st.Sequential(st.Linear(2, 8), st.Tanh(), st.Linear(8, 2))
    np.testing.assert_allclose(made(far), bare(z), rtol=1e-3, atol=1e-4)


def test_standardized_data_leave_them_known() -> None:
    made, corners = model(), np.array([[1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0]])
    assert made.state_dict()["0.scale"].tolist() == [0.0, 0.0]  # not known
    np.testing.assert_array_equal(made(corners), made.folded()(corners))
    made.fit(corners, [1, 1, 0, 0], epochs=1, progress=False)
    assert made.state_dict()["0.scale"].tolist() == [1.0, 1.0]
    made.fit(10 * corners + 3, [1, 1, 0, 0], epochs=1, progress=False)
    assert made.state_dict()["0.mean"].tolist() == [0.0, 0.0]
    st.Trainer(made).step(corners, [1, 1, 0, 0])


def test_constant_features_and_one_row() -> None:
    made = model()
    made.standardize(np.array([[7.0, 1.0], [7.0, 3.0]]))
    assert made.state_dict()["0.scale"].tolist() == [1.0, 1.0]
    assert made.state_dict()["0.mean"].tolist() == [7.0, 2.0]
    made.standardize([[7.0, 1e-3]])
    assert made.state_dict()["0.scale"].tolist() == [1.0, 1.0]


def test_files_copies_and_folding(tmp_path: Path) -> None:
    made = model()
    made.fit(RAW, Y, epochs=3, progress=False)
    made.save(tmp_path / "m.safetensors")
    for same in (st.load(tmp_path / "m.safetensors"), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        np.testing.assert_array_equal(same(RAW), made(RAW))
    folded = made.folded()
    assert repr(folded.layers[0]) == "Linear(2, 8)" and len(folded.layers) == 3
    np.testing.assert_allclose(folded(RAW), made(RAW), rtol=1e-3, atol=1e-3)
    no_bias = st.Sequential(st.Standardize(), st.Linear(2, 3, bias=False), dtype=np.float64)
    no_bias.standardize(RAW)
    np.testing.assert_allclose(no_bias.folded()(RAW), no_bias(RAW), rtol=1e-8)


def test_gradients(backend: Any) -> None:
    with st.config(backend.backend):
        made = model(np.float64)
        made.standardize(RAW)
        assert st.gradients.check_gradients(made, RAW, Y, loss="softmax")
        _, gradients = made.loss_and_gradients(RAW, Y, loss="softmax")
        assert "0.mean" not in gradients and "1.weight" in gradients


def test_validation_data_and_early_stopping_take_raw_rows() -> None:
    stopping = st.EarlyStopping(patience=3)
    history = model().fit(
        RAW[::2], Y[::2], validation_data=(RAW[1::2], Y[1::2]), callbacks=[stopping], progress=False
    )
    assert history.validation_loss[-1] < 0.7


def test_own_loops_set_them_first() -> None:
    trainer = st.Trainer(model(), optimizer=st.Adam(0.01))
    with pytest.raises(
        ValueError, match=r"whose mean and scale are not set: call fit, or model\.standardize"
    ):
        trainer.step(RAW, Y)
    trainer.model.standardize(RAW)  # type: ignore[attr-defined]
    first = trainer.step(RAW, Y)
    assert [trainer.step(RAW, Y) for _ in range(50)][-1] < first


def test_a_fit_that_fails_leaves_them_unknown() -> None:
    made = model()
    for y, data in ((Y + 5, RAW), (Y, np.full_like(RAW, np.nan))):
        with pytest.raises(ValueError):
            made.fit(data, y, progress=False)
        assert made.state_dict()["0.mean"].tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="validation_data"):
        made.fit(RAW, Y, validation_data=(RAW[:, :1], Y), progress=False)
    assert made.state_dict()["0.scale"].tolist() == [0.0, 0.0]


def test_a_callback_that_refuses_leaves_them_unknown() -> None:
    made = model()
    with pytest.raises(ValueError, match="monitor"):
        made.fit(RAW, Y, callbacks=st.EarlyStopping(), progress=False)
    with pytest.raises(ValueError, match="rate"):
        made.fit(RAW, Y, optimizer=st.SGD(lambda step: -1.0), progress=False)
    assert made.state_dict()["0.scale"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: st.Sequential(st.Linear(2, 2), st.Standardize(2)), "must be the first"),
        (lambda: st.Sequential(st.Residual(st.Standardize(2)), st.Linear(2, 2)), "must be the first"),
        (lambda: st.Sequential(st.Standardize(3), st.Linear(2, 2)), "the layer before gives 3 features"),
        (lambda: st.Standardize(0), "features is 0, but must be at least 1"),
        (lambda: st.Sequential(st.Standardize()), "at least one Linear"),
        (lambda: st.Sequential(st.Linear(2, 2)).standardize(X), r"begins with Linear\(2, 2\), not with"),
        (lambda: model().standardize(X[:0]), "0"),
        (lambda: model().standardize(X * np.nan), "NaN"),
        (lambda: model().standardize(X * 1e200), "too large for float32"),
        (lambda: model().load_state_dict({**model().state_dict(), "0.scale": [0, 1]}), "a scale is positive"),
    ],
)
def test_mistakes(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_sparse_rows_are_refused() -> None:
    with pytest.raises(TypeError, match=r"layer 0 is Standardize.*toarray"):
        model().fit(csr_array(X), Y, progress=False)
