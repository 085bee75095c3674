"""The compiled extension: what bindings/ binds. Arrays are float32 or float64, as the first one is."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[Any]
_Stages = Sequence[tuple[int, int, str, bool]]
_Parameters = Sequence[tuple[_Array, _Array | None]]

compiler: str
threading: str

class LossKind:
    softmax: LossKind
    hinge: LossKind
    squared_hinge: LossKind
    squared_error: LossKind

class Status:
    finished: Status
    cancelled: Status
    diverged: Status
    mislabelled: Status

class Function:
    exp: Function
    log: Function
    sigmoid: Function
    tanh: Function

class Loss:
    def __init__(self, kind: LossKind, margin: float, sum: bool) -> None: ...

class Recipe:
    def __init__(
        self, loss: Loss, l2: float, l1: float, learning_rate: float, momentum: float, nesterov: bool
    ) -> None: ...

class Schedule:
    def __init__(
        self,
        epochs: int,
        first_epoch: int,
        batch: int,
        shuffle: bool,
        seed: int,
        first_batch: int = 0,
        batches: int | None = None,
        sums: tuple[float, float] = (0.0, 0.0),
    ) -> None: ...

class Result:
    losses: list[float]
    seconds: list[float]
    status: Status
    step: int
    sums: tuple[float, float]

class _ParameterSet:
    def __init__(self, stages: _Stages, arrays: _Parameters) -> None: ...

class ParametersFloat32(_ParameterSet): ...
class ParametersFloat64(_ParameterSet): ...

class _AverageSet:
    def __init__(
        self,
        stages: _Stages,
        arrays: _Parameters,
        updates: NDArray[np.int64],
        start: int,
        uniform: bool,
        decay: float,
    ) -> None: ...

class AverageFloat32(_AverageSet): ...
class AverageFloat64(_AverageSet): ...

class _Network:
    def __init__(self, stages: _Stages, parameters: _Parameters) -> None: ...
    def try_forward(self, x: object, isa: str, threads: int) -> _Array | None: ...
    def try_step(
        self,
        x: object,
        targets: object,
        recipe: Recipe,
        velocities: _ParameterSet | None,
        isa: str,
        threads: int,
        average: _AverageSet | None = None,
    ) -> float | None: ...
    def forward(self, x: _Array, isa: str, threads: int) -> _Array: ...
    def fit(
        self,
        x: _Array,
        targets: _Array,
        weight: _Array | None,
        recipe: Recipe,
        velocities: _ParameterSet | None,
        schedule: Schedule,
        watch: Callable[[float], bool] | None,
        isa: str,
        threads: int,
        average: _AverageSet | None = None,
    ) -> Result: ...
    def step(
        self,
        x: _Array,
        targets: _Array,
        weight: _Array | None,
        recipe: Recipe,
        velocities: _ParameterSet | None,
        isa: str,
        threads: int,
        average: _AverageSet | None = None,
    ) -> float: ...
    def loss_and_gradients(
        self, x: _Array, targets: _Array, weight: _Array | None, recipe: Recipe, isa: str, threads: int
    ) -> tuple[float, list[tuple[_Array, _Array | None]]]: ...

class NetworkFloat32(_Network): ...
class NetworkFloat64(_Network): ...

def built_isas() -> tuple[str, ...]: ...
def available_isas() -> tuple[str, ...]: ...
def default_threads() -> int: ...
def last_run() -> tuple[str, int]: ...
def linear(x: _Array, weight: _Array, bias: _Array | None, isa: str, threads: int) -> _Array: ...
def linear_backward(
    x: _Array, weight: _Array, grad: _Array, isa: str, threads: int
) -> tuple[_Array, _Array, _Array]: ...
def function(function: Function, x: _Array, isa: str) -> _Array: ...
def activation(name: str, x: _Array, isa: str) -> _Array: ...
def activation_backward(name: str, y: _Array, grad: _Array, isa: str) -> _Array: ...
def softmax(scores: _Array, isa: str, threads: int) -> _Array: ...
def loss(
    loss: Loss, scores: _Array, targets: _Array, weight: _Array | None, isa: str, threads: int
) -> tuple[float, _Array]: ...
def sgd_step(weight: _Array, grad: _Array, velocity: _Array | None, recipe: Recipe, isa: str) -> None: ...
def first_nonfinite_row(x: _Array, isa: str) -> int: ...
def first_bad_label(labels: _Array, classes: int) -> int: ...
def multiply_adds(dtype: str, iterations: int, isa: str, threads: int) -> float: ...
def read_bandwidth(x: _Array, passes: int, isa: str, threads: int) -> float: ...
def philox(counter: Sequence[int], key: Sequence[int]) -> tuple[int, int, int, int]: ...
def shuffle(samples: int, seed: int, epoch: int) -> NDArray[np.int64]: ...
