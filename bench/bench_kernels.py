"""The kernels behind `steepest.functional`, native against the reference backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import steepest as st
import steepest.functional as F

BACKENDS = ["native", "reference"] if st.build_info()["native"] else ["reference"]
# Allowed error as a share of the largest value: 1,000 times the rounding of one operation.
TOLERANCE = {"float32": 1e-4, "float64": 1e-13}

Arguments = Callable[[Callable[..., Any]], tuple[Any, ...]]


def _labels(rows: int, classes: int) -> Any:
    return np.random.default_rng(1).integers(classes, size=rows)


# Name, function, and its arguments from a source of standard normal arrays.
KERNELS: list[tuple[str, Callable[..., Any], Arguments]] = [
    ("linear 128 x 784-256", F.linear, lambda normal: (normal(128, 784), normal(784, 256), normal(256))),
    ("linear 256 x 3072-10", F.linear, lambda normal: (normal(256, 3072), normal(3072, 10), normal(10))),
    ("linear 1 x 784-256", F.linear, lambda normal: (normal(1, 784), normal(784, 256), normal(256))),
    (
        "linear_backward 128 x 784-256",
        F.linear_backward,
        lambda normal: (normal(128, 784), normal(784, 256), normal(128, 256)),
    ),
    (
        "softmax_cross_entropy 256 x 1000",
        F.softmax_cross_entropy,
        lambda normal: (normal(256, 1000), _labels(256, 1000)),
    ),
    (
        "multiclass_hinge 256 x 1000",
        F.multiclass_hinge,
        lambda normal: (normal(256, 1000), _labels(256, 1000)),
    ),
    ("sigmoid 256 x 1024", F.sigmoid, lambda normal: (normal(256, 1024),)),
]


def _assert_close(found: Any, expected: Any, tolerance: float) -> None:
    if isinstance(expected, tuple):
        for one, other in zip(found, expected, strict=True):
            _assert_close(one, other, tolerance)
    else:
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def _normal(dtype: str) -> Callable[..., Any]:
    random = np.random.default_rng(0)
    return lambda *shape: random.standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "kernel", "arguments"), KERNELS, ids=[name for name, *_ in KERNELS])
def test_kernel(
    benchmark: BenchmarkFixture,
    name: str,
    kernel: Callable[..., Any],
    arguments: Arguments,
    dtype: str,
    backend: str,
) -> None:
    given = arguments(_normal(dtype))
    with st.config(backend="reference"):
        expected = kernel(*(a.astype("float64") if a.dtype.kind == "f" else a for a in given))
    benchmark.group, benchmark.name = f"{name} {dtype}", backend
    with st.config(backend=backend):
        _assert_close(kernel(*given), expected, TOLERANCE[dtype])
        benchmark(kernel, *given)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sgd_step(benchmark: BenchmarkFixture, dtype: str, momentum: float, backend: str) -> None:
    normal = _normal(dtype)
    weight, gradient = normal(784, 256), normal(784, 256)
    velocity = normal(784, 256) if momentum else None
    settings = {"momentum": momentum, "penalty": st.L2(1e-4)}

    own, wide = weight.copy(), weight.astype("float64")
    own_velocity = None if velocity is None else velocity.copy()
    with st.config(backend="reference"):
        wide_velocity = None if velocity is None else velocity.astype("float64")
        F.sgd_step(wide, gradient, 1e-3, velocity=wide_velocity, **settings)
    benchmark.group, benchmark.name = f"sgd_step 784 x 256, momentum {momentum}, {dtype}", backend
    with st.config(backend=backend):
        F.sgd_step(own, gradient, 1e-3, velocity=own_velocity, **settings)
        _assert_close(own, wide, TOLERANCE[dtype])
        benchmark(F.sgd_step, own, gradient, 1e-3, velocity=own_velocity, **settings)
