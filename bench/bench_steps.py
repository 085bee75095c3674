"""One training step, and one row forward: steepest's two backends and whatever else is installed.

All start from the same weights and data. The times are those of
`extra_info["steps"]` steps or calls. `table.py` compares more carefully, taking turns.
"""

from __future__ import annotations

import pytest
from peers.forward import CALLERS, Forward
from peers.forward import start as start_forward
from peers.steps import COMPETITORS, start
from problems import PROBLEMS, Problem
from pytest_benchmark.fixture import BenchmarkFixture

import steepest as st

WORK = 5e8  # multiply-adds a measurement, some milliseconds, so that the cost of a call does not count
MOST_STEPS = 1000

CASES = [
    pytest.param(problem, name, id=f"{problem.name}-{name}")
    for problem in PROBLEMS
    for name, competitor in COMPETITORS.items()
    # Compiling with torch.compile takes minutes: only `table.py` does it.
    if name != "torch.compile" and competitor.installed and competitor.applies(problem)
]


@pytest.mark.parametrize(("problem", "name"), CASES)
def test_steps(benchmark: BenchmarkFixture, problem: Problem, name: str) -> None:
    run = start(problem, name, st.get_num_threads())
    steps = 1 if benchmark.disabled else min(MOST_STEPS, max(1, round(WORK / problem.multiply_adds)))
    benchmark.group, benchmark.name = f"{steps} steps, {problem.name}", name
    benchmark.extra_info["steps"] = steps
    benchmark(run, steps)


@pytest.mark.parametrize(
    "name", [n for n, caller in CALLERS.items() if n != "torch.compile" and caller.installed]
)
def test_forward(benchmark: BenchmarkFixture, name: str) -> None:
    case = Forward()
    run = start_forward(case, name, st.get_num_threads())
    calls = 1 if benchmark.disabled else MOST_STEPS
    benchmark.group, benchmark.name = f"{calls} calls, {case.name}", name
    benchmark.extra_info["steps"] = calls
    benchmark(run, calls)
