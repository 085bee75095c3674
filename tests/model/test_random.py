"""Random numbers: known answers, shuffles and initial weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies
from support.implementations import needs_native
from support.strategies import bounded, small_model
from support.tolerances import assert_close, assert_same_bits

import steepest as st
from steepest.backends.reference.random import philox, shuffle_order


@pytest.mark.parametrize(
    ("counter", "key", "expected"),  # the known answers of Random123
    [
        ((0,) * 4, (0,) * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_known_answers(counter, key, expected):
    assert " ".join(f"{int(word):08x}" for word in philox(counter, key)) == expected
    if st.backends.native is not None:
        from steepest import _core

        assert " ".join(f"{word:08x}" for word in _core.philox(counter, key)) == expected


def test_shuffle_is_the_stated_fisher_yates():
    seed, epoch, n = 2**40 + 5, 7, 50
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        low, high, _, _ = philox((i, 0, epoch, 0x73687566), (seed & 0xFFFFFFFF, seed >> 32))
        j = ((int(high) << 32 | int(low)) * (i + 1)) >> 64
        order[i], order[j] = order[j], order[i]
    assert shuffle_order(n, seed, epoch).tolist() == order
    assert sorted(shuffle_order(1000, 0, 0)) == list(range(1000))


@needs_native
@bounded
@given(strategies.integers(0, 2**64 - 1), strategies.integers(0, 2**40), strategies.integers(0, 300))
def test_both_backends_shuffle_alike(seed, epoch, samples):
    from steepest import _core

    assert _core.shuffle(samples, seed, epoch).tolist() == shuffle_order(samples, seed, epoch).tolist()


def test_initial_weights_are_the_stated_ones():
    """Normal from PCG64(seed), sqrt(2 / n) before ReLU and sqrt(1 / n) else; rounded for float32."""
    random = np.random.Generator(np.random.PCG64(3))
    wide, narrow = small_model(np.float64).state_dict(), small_model().state_dict()
    assert_same_bits(wide["0.weight"], random.standard_normal((6, 8)) * np.sqrt(2 / 6))
    assert_same_bits(wide["2.weight"], random.standard_normal((8, 3)) * np.sqrt(1 / 8))
    assert not wide["0.bias"].any() and not wide["2.bias"].any()
    for key, value in wide.items():
        assert_same_bits(narrow[key], value.astype(np.float32))
    assert (small_model(seed=4).state_dict()["0.weight"] != narrow["0.weight"]).all()


@pytest.mark.parametrize(
    ("followers", "gain"),
    [
        ((), 1),
        ((st.ReLU(),), 2),
        ((st.Identity(), st.GELU()), 2),
        ((st.ELU(3.0),), 2),
        ((st.Mish(),), 2),
        ((st.SELU(),), 1),
        ((st.LeakyReLU(0.5), st.ReLU()), 1.6),
        ((st.Softplus(),), 1),
        ((st.LeCunTanh(), st.GELU()), 1),
        ((st.Sigmoid(), st.ReLU()), 1),
    ],
)
def test_initial_weights_are_scaled_for_what_follows(followers, gain):
    random = np.random.Generator(np.random.PCG64(1))
    model = st.Sequential(st.GELU(), st.Linear(9, 5), *followers, st.Linear(5, 2), dtype=np.float64, seed=1)
    number = 2 + len(followers)
    weights = [model.state_dict()[f"{i}.weight"] for i in (1, number)]
    assert_close(weights[0], random.standard_normal((9, 5)) * np.sqrt(gain / 9), 4, np.abs(weights[0]))
    assert_close(weights[1], random.standard_normal((5, 2)) * np.sqrt(1 / 5), 4, np.abs(weights[1]))
