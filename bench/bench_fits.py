"""Short fits under pytest, each to its accuracy. `accuracy.py` has long ones, taking turns."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial

import pytest
from fits import FITS, INSTALLED, TASKS, Samples, Task, clouds
from pytest_benchmark.fixture import BenchmarkFixture

SHORT = {
    "digits 64-100-10": replace(TASKS["digits 64-100-10"], epochs=5, accuracy=0.92),
    "clouds 784-256-10": replace(
        TASKS["clouds 784-256-10"], load=partial(clouds, 10_000, 2_000), epochs=2, accuracy=0.4
    ),
}


@cache
def load(task: Task) -> tuple[Samples, Samples]:
    return task.load()


@pytest.mark.parametrize("name", INSTALLED)
@pytest.mark.parametrize("title", SHORT)
def test_fit(benchmark: BenchmarkFixture, title: str, name: str) -> None:
    task = SHORT[title]
    training, (x_test, y_test) = load(task)
    fit = FITS[name][1]
    predict = fit(*training, task)
    accuracy = (predict(x_test) == y_test).mean()
    assert accuracy >= task.accuracy
    benchmark.group, benchmark.name = f"fit, {title}", name
    benchmark.extra_info["accuracy"] = float(accuracy)
    if benchmark.disabled:
        benchmark(predict, x_test)  # one fit is enough where nothing is timed
    else:
        benchmark.pedantic(fit, (*training, task), rounds=3)
