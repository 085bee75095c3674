"""The compiled extension: what bindings/ binds. Arrays are float32 or float64, as the first one is."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[Any]
_Stages = Sequence[Stage]
_Rows = _Array | tuple[_Array, _Array, _Array]  # dense, or begin, columns and values of sparse ones
_Parameters = Sequence[tuple[_Array, _Array | None]]
_CustomLoss = Callable[[_Array, _Array], tuple[float, _Array]]

compiler: str
threading: str

class LossKind:
    softmax: LossKind
    hinge: LossKind
    squared_hinge: LossKind
    squared_error: LossKind
    absolute_error: LossKind
    huber: LossKind
    binary_cross_entropy: LossKind
    poisson: LossKind
    custom: LossKind

class Status:
    finished: Status
    cancelled: Status
    diverged: Status
    overflowed: Status
    invalid_label: Status

class Overflowed(ArithmeticError): ...

class Function:
    exp: Function
    log: Function
    sigmoid: Function
    tanh: Function

class Stage:
    def __init__(
        self,
        kind: str,
        inputs: int,
        outputs: int,
        activation: str,
        slope: float = 0.0,
        number: int = 0,
        rate: float = 0.0,
        momentum: float = 0.0,
        epsilon: float = 0.0,
        partner: int = 0,
        image: Sequence[int] = (),
        mask: _Array | None = None,
    ) -> None: ...

class Loss:
    def __init__(
        self, kind: LossKind, parameter: float = 0.0, sum: bool = False, weighted: bool = False
    ) -> None: ...

class Rule:
    sgd: Rule
    rmsprop: Rule
    adam: Rule

class Optimizer:
    def __init__(
        self,
        rule: Rule,
        momentum: float,
        nesterov: bool,
        decay: float,
        gain: float,
        epsilon: float,
        weight_decay: float,
        epsilon_hat: bool = False,
    ) -> None: ...

class Penalty:
    def __init__(self, l2: float, l1: float, proximal: bool) -> None: ...

class TrainConfig:
    def __init__(
        self,
        loss: Loss,
        penalties: Sequence[Penalty],
        optimizer: Optimizer,
        clip_value: float,
        clip_norm: float,
        max_norm: float,
        penalty_by_batch: bool = False,
        report_scale: float = 1.0,
        mean_by_count: bool = False,
    ) -> None: ...

class FitRequest:
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
        plateau: tuple[float, float, float, float] | None = None,
    ) -> None: ...

class Result:
    losses: list[float]
    seconds: list[float]
    status: Status
    step: int
    sums: tuple[float, float]

class _Learning:
    def __init__(
        self,
        stages: _Stages,
        config: TrainConfig,
        first: _Parameters | None,
        second: _Parameters | None,
        steps: NDArray[np.int64],
        state_start: int,
    ) -> None: ...

class LearningFloat32(_Learning): ...
class LearningFloat64(_Learning): ...

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
    def __init__(self, stages: _Stages, parameters: _Parameters, running: Sequence[_Array] = ()) -> None: ...
    def try_forward(self, x: object, isa: str, threads: int) -> _Array | None: ...
    def try_step(
        self,
        x: object,
        targets: object,
        how: _Learning,
        rate: float,
        isa: str,
        threads: int,
        average: _AverageSet | None = None,
        seed: int = 0,
    ) -> float | None: ...
    def forward(self, x: _Array, isa: str, threads: int) -> _Array: ...
    def fit(
        self,
        x: _Rows,
        targets: _Array,
        weight: _Array | None,
        how: _Learning,
        request: FitRequest,
        rates: NDArray[np.float64],
        watch: Callable[[float], bool] | None,
        isa: str,
        threads: int,
        custom: _CustomLoss | None = None,
        average: _AverageSet | None = None,
        orders: NDArray[np.int64] | None = None,
    ) -> Result: ...
    def step(
        self,
        x: _Rows,
        targets: _Array,
        weight: _Array | None,
        how: _Learning,
        rate: float,
        isa: str,
        threads: int,
        custom: _CustomLoss | None = None,
        average: _AverageSet | None = None,
        seed: int = 0,
    ) -> float: ...
    def loss_and_gradients(
        self,
        x: _Rows,
        targets: _Array,
        weight: _Array | None,
        config: TrainConfig,
        isa: str,
        threads: int,
        custom: _CustomLoss | None = None,
        seed: int = 0,
        number: int = 0,
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
def activation(name: str, slope: float, x: _Array, isa: str) -> _Array: ...
def activation_backward(name: str, slope: float, y: _Array, grad: _Array, isa: str) -> _Array: ...
def softmax(scores: _Array, isa: str, threads: int) -> _Array: ...
def loss(
    loss: Loss, scores: _Array, targets: _Array, weight: _Array | None, isa: str, threads: int
) -> tuple[float, _Array]: ...
def update(
    weight: _Array,
    grad: _Array,
    first: _Array | None,
    second: _Array | None,
    optimizer: Optimizer,
    penalty: Penalty,
    rate: float,
    age: int,
    isa: str,
) -> None: ...
def first_nonfinite_row(x: _Array, isa: str) -> int: ...
def first_bad_label(labels: _Array, classes: int) -> int: ...
def multiply_adds(dtype: str, iterations: int, isa: str, threads: int) -> float: ...
def read_bandwidth(x: _Array, passes: int, isa: str, threads: int) -> float: ...
def philox(counter: Sequence[int], key: Sequence[int]) -> tuple[int, int, int, int]: ...
def shuffle(samples: int, seed: int, epoch: int) -> NDArray[np.int64]: ...
def shuffled_orders(generator: object, order: NDArray[np.int64], orders: NDArray[np.int64]) -> None: ...
