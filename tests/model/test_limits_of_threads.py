"""How many threads compute: what OpenMP, the processors and a container allow, and beside other libraries."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from importlib.util import find_spec

import pytest
from support.implementations import needs_native
from support.processes import run

pytestmark = needs_native

LIMITS = """
from steepest import _core
from threadpoolctl import threadpool_limits

def used():
    model.fit(X, y, epochs=1, progress=False)
    fitted = _core.last_run()[1]
    model(X)
    return {st.get_num_threads(), fitted, _core.last_run()[1]}
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="sets the affinity as Linux does")
@pytest.mark.skipif(len(getattr(os, "sched_getaffinity", {0}.copy)(0)) < 2, reason="needs two processors")
def test_limits_are_obeyed_at_each_call():
    """OpenMP's, which `threadpoolctl` sets for the thread that asks it, and the processors of the process."""
    code = """
    two = set(sorted(os.sched_getaffinity(0))[:2])
    os.sched_setaffinity(0, two)
    assert used() == {2}
    os.sched_setaffinity(0, {min(two)})
    assert used() == {1}
    os.sched_setaffinity(0, two)
    if "OpenMP" in st.build_info()["threading"]:
        with threadpool_limits(1):
            assert used() == {1}
            with st.config(num_threads=2):
                assert used() == {2}  # what was asked for
    assert used() == {2}
    """
    assert run(LIMITS + textwrap.dedent(code), OMP_NUM_THREADS="2") == (0, "")
    assert run(LIMITS + "assert used() == {1}", OMP_NUM_THREADS="1") == (0, "")


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "max 100000"}, 7),
        ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 7),
    ],
)
def test_the_quota_of_a_control_group_is_obeyed(files, limit):
    """Of the first and the second version, as a container shows them; here in a mount namespace."""
    root = "/sys/fs/cgroup"
    made = [f"mkdir -p $(dirname {root}/{name}); echo {text} > {root}/{name}" for name, text in files.items()]
    ask = f"exec {sys.executable} -c 'import steepest as st; print(st.get_num_threads())'"
    begin = f"mount -t tmpfs none {root} 2>/dev/null || exit 77"
    command = ["unshare", "-m", "sh", "-c", "; ".join([begin, *made, ask])]
    if shutil.which("unshare") is None or sys.platform != "linux":
        pytest.skip("no mount namespaces")
    environment = os.environ | {"OMP_NUM_THREADS": "7"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode in (1, 77):
        pytest.skip(f"no mount namespace here: {done.stderr}")
    assert int(done.stdout) == min(limit, len(os.sched_getaffinity(0)))


@pytest.mark.parametrize("library", ["torch", "sklearn.utils"])
def test_other_libraries_change_no_bit(library):
    """Whichever is imported first: torch and scikit-learn bring an OpenMP of their own."""
    if find_spec(library.partition(".")[0]) is None:
        pytest.skip(f"no {library}")
    code = f"""
    def fitted():
        one = copy.deepcopy(model)
        one.fit(X, y, epochs=2, progress=False)
        return hash(one.to_bytes())

    print(fitted())
    import {library}
    print(fitted())
    """
    fixed = {"STEEPEST_NUM_THREADS": "2", "PYTHONHASHSEED": "0"}
    before, after = run(code, **fixed), run(code, first=f"import {library}", **fixed)
    assert before == after and before[0] == 0, (before, after)
    assert len(set(before[1].split())) == 1
