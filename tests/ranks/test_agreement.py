"""Ranks that compute in different ways: those that round alike learn together, others are refused."""

from __future__ import annotations

import pytest
from support.implementations import ISAS
from support.ranks import launch, needs_mpi

pytestmark = needs_mpi


@pytest.mark.skipif(not {"avx2", "sse2"} <= {*ISAS}, reason="rounds in one way only")
@pytest.mark.parametrize("other", ["backend='reference'", "isa='sse2'"])
def test_ranks_that_round_otherwise_are_refused(other):
    code = f"""
    own = st.distributed.rows(1003)
    for choice in (dict(isa={ISAS[0]!r}), dict({other})):
        try:
            with st.config(**choice if comm.rank == 1 else dict(isa="avx2")):
                st.distributed.fit(made(), X[own], y[own], epochs=1, progress=False)
        except RuntimeError as error:
            told(*choice.values(), str(error))
    """
    status, output = launch(2, code)
    value = other.split("'")[1]
    expected = f"{value} the processes differ: the arithmetic is 'native, with fused multiply-adds' on rank 0"
    assert status == 0 and output.startswith(expected), output


def test_an_interruption_while_a_fit_is_prepared_ends_all_though_it_is_caught():
    """The others wait for what this rank would have sent."""
    code = """
    from steepest.training.ranks import agreement

    def interrupted(copies):
        os.kill(os.getpid(), signal.SIGINT)

    if comm.rank == 1:
        agreement.write = interrupted
    own = st.distributed.rows(1003)
    try:
        st.distributed.fit(made(), X[own], y[own], epochs=1, progress=False)
    except KeyboardInterrupt:
        time.sleep(1000)
    """
    status, output = launch(2, code)
    assert status != 0 and "rank 1: Traceback" in output and "KeyboardInterrupt" in output, output
