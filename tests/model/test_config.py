"""Backend, threads and instruction set: what is asked for is what runs, and what cannot run is refused."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from support.implementations import ISAS, THREADS, Implementation, needs_native

import steepest as st

TRAIN = """
import numpy as np, steepest as st
X = np.random.default_rng(0).standard_normal((512, 200))
model = st.Sequential(st.Linear(200, 50), st.ReLU(), st.Linear(50, 3))
if st.build_info()["native"]:
    st.backends.native._core.use_all_threads(True)
history = model.fit(X, np.arange(512) % 3, epochs=20, progress=False)
print(history.loss[-1] < history.loss[0], st.build_info()["backend"])
if st.build_info()["native"]:
    print(st.backends.native._core.last_run())
"""


def python(code, *options, **environment):
    """Run code in a new process."""
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
    )


def lines(done):
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@needs_native
@pytest.mark.parametrize("threads", [1, 3])
def test_the_environment_chooses(isa, threads):
    done = python(TRAIN, STEEPEST_ISA=isa, STEEPEST_NUM_THREADS=str(threads))
    assert lines(done) == ["True native", str((isa, threads))]


@needs_native
def test_the_environment_chooses_the_reference():
    assert lines(python(TRAIN, STEEPEST_BACKEND="reference")) == ["True reference", "('', 0)"]
    done = python(TRAIN, STEEPEST_BACKEND="native")
    assert lines(done)[0] == "True native"


@needs_native
@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"STEEPEST_BACKEND": "gpu"}, "STEEPEST_BACKEND is 'gpu', but must be one of 'native', 'reference'"),
        ({"STEEPEST_NUM_THREADS": "none"}, "STEEPEST_NUM_THREADS is 'none', but must be an integer from 1"),
        ({"STEEPEST_NUM_THREADS": "0"}, "STEEPEST_NUM_THREADS is '0', but must be an integer from 1"),
        ({"STEEPEST_NUM_THREADS": "9" * 5000}, "but must be an integer from 1 to 1024"),
        ({"STEEPEST_NUM_THREADS": "-2"}, "STEEPEST_NUM_THREADS is '-2', but must be an integer from 1"),
        ({"STEEPEST_ISA": "avx1024"}, "isa is 'avx1024', but must be one of "),
        (
            {"STEEPEST_ISA": "sse2", "STEEPEST_BACKEND": "reference"},
            "reference backend has no instruction",
        ),
    ],
)
def test_a_bad_environment_fails_at_first_use_and_not_at_import(environment, message):
    done = python("import steepest as st; print('imported'); st.functional.exp(1.0)", **environment)
    assert done.returncode == 1 and done.stdout == "imported\n"
    assert done.stderr.splitlines()[-1].startswith("ValueError: ") and message in done.stderr


def test_blocks_nest_and_end():
    outside = st.get_num_threads()
    with st.config(num_threads=3):
        assert st.get_num_threads() == 3
        with st.config(num_threads=2), st.config():
            assert st.get_num_threads() == 2
        assert st.get_num_threads() == 3
        with pytest.raises(ZeroDivisionError), st.config(num_threads=5):
            raise ZeroDivisionError
        assert st.get_num_threads() == 3
    assert st.get_num_threads() == outside
    st.set_num_threads(5)
    try:
        with st.config(num_threads=2):
            assert st.get_num_threads() == 2
        assert st.get_num_threads() == 5
    finally:
        st.set_num_threads(None)
    assert st.get_num_threads() == outside


@needs_native
def test_an_inner_backend_drops_an_outer_instruction_set():
    with st.config(isa=ISAS[-1]):
        assert st.build_info()["isa_active"] == ISAS[-1]
        with st.config(backend="reference"):
            assert st.build_info()["backend"] == "reference"
            with st.config(backend="native"):
                assert st.build_info()["isa_active"] == ISAS[0]
        assert st.build_info()["isa_active"] == ISAS[-1]


@pytest.mark.parametrize(
    ("choice", "error", "message"),
    [
        ({"backend": "gpu"}, ValueError, "backend is 'gpu', but must be one of 'native', 'reference'"),
        ({"num_threads": 0}, ValueError, "num_threads is 0, but must be at least 1"),
        ({"num_threads": 10**6}, ValueError, "num_threads is 1000000, but must be at most 1024"),
        ({"num_threads": 2.0}, TypeError, r"num_threads must be an integer, not 2\.0"),
        ({"isa": "mmx", "backend": "native"}, ValueError, "isa is 'mmx', but must be one of"),
        ({"isa": 2}, TypeError, "isa must be a name such as 'avx2', not 2"),
        ({"isa": "sse2", "backend": "reference"}, ValueError, "reference backend has no instruction sets"),
    ],
)
def test_bad_choices_are_refused(choice, error, message):
    if choice.get("backend") == "native" and not ISAS:
        pytest.skip("without the native backend")
    before = st.build_info()
    with pytest.raises(error, match=message), st.config(**choice):
        pytest.fail("the block was entered")
    assert st.build_info() == before
    if "num_threads" in choice:
        with pytest.raises(error, match=message):
            st.set_num_threads(choice["num_threads"])


def test_every_combination_computes(implementation):
    """And the proof that it did would fail if it had not."""
    x, weight = np.ones((256, 128)), np.ones((128, 128))
    with implementation.computing(all_threads=True):
        assert (st.functional.linear(x, weight) == 128).all()
    for other in {Implementation("native", isa, t) for isa in ISAS for t in THREADS} - {implementation}:
        if implementation.threads < other.threads or implementation.isa != other.isa:
            with pytest.raises(AssertionError, match="was asked for, but"), other.computing(all_threads=True):
                with st.config("reference" if not implementation.isa else "native"):
                    pass  # computes nothing, or
                if implementation.isa:
                    with implementation.computing():
                        st.functional.linear(x, weight)


@needs_native
def test_build_info_tells_what_runs(isa):
    with st.config(isa=isa, num_threads=3):
        info = st.build_info()
    assert info["version"] == st.__version__ and info["native"] is True and info["backend"] == "native"
    assert (info["isa_active"], info["num_threads"]) == (isa, 3)
    assert isa in info["isa_available"] and set(info["isa_available"]) <= set(info["isa_built"])
    assert info["compiler"] and info["threading"] and info["machine"]


BLOCK = "import sys; sys.modules['steepest._core'] = None\n"  # makes its import fail


def test_without_the_extension_import_warns_once_and_numpy_trains():
    done = python(BLOCK + "import steepest\nimport steepest.functional\n" + TRAIN)
    assert done.returncode == 0 and done.stdout.splitlines() == ["True reference"]
    assert done.stderr.count("RuntimeWarning") == 1
    assert "steepest computes with NumPy only, which is slower" in done.stderr
    assert "the compiled extension did not load" in done.stderr
    assert lines(python(BLOCK + TRAIN, STEEPEST_BACKEND="reference")) == ["True reference"]  # chosen: silent


def test_without_the_extension_native_is_refused():
    for ask in ("st.config('native')", "st.config(isa='avx2')"):
        done = python(BLOCK + f"import steepest as st\nwith {ask}: pass", "-W", "ignore")
        assert "ValueError: " in done.stderr and done.returncode == 1
    done = python(BLOCK + "import steepest as st; st.build_info()", "-W", "ignore", STEEPEST_BACKEND="native")
    assert "backend is 'native', but it cannot be used here: the compiled extension did not" in done.stderr


def test_import_loads_nothing_heavy():
    code = """
import sys, numpy
before = set(sys.modules)
import steepest
new = {name.partition('.')[0] for name in set(sys.modules) - before}
print(*sorted(new - set(sys.stdlib_module_names) - {'steepest'}))
"""
    assert set(lines(python(code, "-W", "ignore"))[0].split()) <= {"numpy", "tqdm"}


def test_public_names_are_an_explicit_list():
    assert sorted(st.__all__) == sorted(set(st.__all__)) and all(hasattr(st, name) for name in st.__all__)
    assert all(getattr(st.functional, name).__doc__ for name in st.functional.__all__)
