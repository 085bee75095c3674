"""C files: no flag of a compiler changes a bit, or it is refused."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from support.exchange.compiling import compiled, compiler, knows, needs_compiler
from support.strategies import numbers
from support.tolerances import assert_same_bits

import steepest as st

X = numbers((53, 5)).astype(np.float32)
L = st.Linear


@needs_compiler
def test_no_flag_changes_a_bit(tmp_path):
    """Neither vectors, nor a compiler's own dialect, in which products and sums would be contracted."""
    model = st.Sequential(L(5, 40), st.BatchNorm(40), st.SiLU(), L(40, 3), seed=2)
    expected = compiled(model, tmp_path).scores(X)
    own = ["-march=native"] if knows("-march=native", tmp_path) else []
    for flags in (["-std=c99", "-O0"], ["-std=gnu11", "-O3", *own], ["-O3", "-ffp-contract=fast", *own]):
        assert_same_bits(compiled(model, tmp_path, flags).scores(X), expected, str(flags))


@needs_compiler
@pytest.mark.parametrize("outputs", [2, 4])
def test_biases_of_mixed_signs_are_not_fused(tmp_path, outputs):
    """Where gcc 12 vectorizes them, it would, to vfmaddsub, whatever it is told of contraction."""
    if not knows("-march=x86-64-v3", tmp_path):
        pytest.skip("needs a compiler that can fuse")
    for dtype in (np.float32, np.float64):
        model = st.Sequential(st.Tanh(), L(1, outputs), dtype=dtype)
        biases = np.array([0.3, -0.7, 0.6, -0.1])[:outputs]
        model.load_state_dict(model.state_dict() | {"1.bias": biases})
        x = numbers((50, 1)).astype(dtype)
        expected = compiled(model, tmp_path, ["-O0"]).scores(x)
        for level in ("-O2", "-O3"):
            fast = compiled(model, tmp_path, [level, "-march=x86-64-v3"])
            assert_same_bits(fast.scores(x), expected, level)


@needs_compiler
@pytest.mark.parametrize("flags", ["-ffast-math", "-fassociative-math -fno-signed-zeros -fno-trapping-math"])
def test_arithmetic_that_gives_other_bits_is_refused(tmp_path, flags):
    st.to_c(st.Sequential(L(5, 3)), tmp_path / "model.c")
    how = [compiler, *flags.split(), "-c", tmp_path / "model.c", "-o", tmp_path / "model.o"]
    done = subprocess.run(how, capture_output=True, check=False, text=True)
    assert done.returncode and "this arithmetic gives other bits" in done.stderr
