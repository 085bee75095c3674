"""The compiled extension: what bindings/ binds. Arrays are float32 or float64, as the first one is.

Descriptions are those of the package, whose attributes the extension reads by name.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from .backends.data import FitRequest, Parameters, Status, TrainConfig, TrainState, Whole
from .compile.stage import Stage
from .losses import Loss
from .optimizers import Optimizer
from .penalties import Penalty

_Array = NDArray[Any]
_SparseRows = tuple[_Array, _Array, _Array]  # begin, columns and values
_Rows = _Array | _SparseRows
_CustomLoss = Callable[[_Array, _Array], tuple[float, _Array]]

compiler: str
threading: str

class Overflowed(ArithmeticError): ...
class _Type(type): ...  # that of classes of pybind11

class Result(metaclass=_Type):
    def __init__(self, *args: NoReturn, **kwargs: NoReturn) -> None: ...  # made by the extension alone
    @property
    def losses(self) -> list[float]: ...
    @property
    def seconds(self) -> list[float]: ...
    @property
    def status(self) -> Status: ...
    @property
    def step(self) -> int: ...
    @property
    def sums(self) -> tuple[float, float]: ...

class StateFloat32(metaclass=_Type):
    def __init__(self, *args: NoReturn, **kwargs: NoReturn) -> None: ...

class StateFloat64(metaclass=_Type):
    def __init__(self, *args: NoReturn, **kwargs: NoReturn) -> None: ...

class NetworkFloat32(metaclass=_Type):
    def __init__(
        self, stages: Iterable[Stage], parameters: Iterable[Parameters], running: Sequence[_Array] = ()
    ) -> None: ...
    def bind(self, state: TrainState, custom: _CustomLoss | None = None) -> StateFloat32: ...
    def try_forward(self, x: object, isa: str, threads: int) -> _Array | None: ...
    def try_step(
        self,
        x: object,
        targets: object,
        state: StateFloat32,
        rate: float,
        isa: str,
        threads: int,
        seed: int = 0,
    ) -> float | None: ...
    def forward(self, x: _Rows, isa: str, threads: int) -> _Array: ...
    def fit(
        self,
        x: _Rows,
        targets: _Array,
        weight: _Array | None,
        state: StateFloat32,
        request: FitRequest,
        should_stop: Callable[[float], bool] | None,
        isa: str,
        threads: int,
    ) -> Result: ...
    def step(
        self,
        x: _Rows,
        targets: _Array,
        weight: _Array | None,
        state: StateFloat32,
        rate: float,
        isa: str,
        threads: int,
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
        sample_scale: float = 0.0,
        into: Sequence[Parameters] | None = None,
        whole: Whole | None = None,
    ) -> tuple[float, list[tuple[_Array, _Array | None]]]: ...
    def update(
        self,
        gradients: Sequence[Parameters],
        state: StateFloat32,
        rate: float,
        isa: str,
        threads: int,
        statistics: Sequence[_Array] = (),
    ) -> None: ...

class NetworkFloat64(metaclass=_Type):
    def __init__(
        self, stages: Iterable[Stage], parameters: Iterable[Parameters], running: Sequence[_Array] = ()
    ) -> None: ...
    def bind(self, state: TrainState, custom: _CustomLoss | None = None) -> StateFloat64: ...
    def try_forward(self, x: object, isa: str, threads: int) -> _Array | None: ...
    def try_step(
        self,
        x: object,
        targets: object,
        state: StateFloat64,
        rate: float,
        isa: str,
        threads: int,
        seed: int = 0,
    ) -> float | None: ...
    def forward(self, x: _Rows, isa: str, threads: int) -> _Array: ...
    def fit(
        self,
        x: _Rows,
        targets: _Array,
        weight: _Array | None,
        state: StateFloat64,
        request: FitRequest,
        should_stop: Callable[[float], bool] | None,
        isa: str,
        threads: int,
    ) -> Result: ...
    def step(
        self,
        x: _Rows,
        targets: _Array,
        weight: _Array | None,
        state: StateFloat64,
        rate: float,
        isa: str,
        threads: int,
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
        sample_scale: float = 0.0,
        into: Sequence[Parameters] | None = None,
        whole: Whole | None = None,
    ) -> tuple[float, list[tuple[_Array, _Array | None]]]: ...
    def update(
        self,
        gradients: Sequence[Parameters],
        state: StateFloat64,
        rate: float,
        isa: str,
        threads: int,
        statistics: Sequence[_Array] = (),
    ) -> None: ...

class DualAscentFloat32(metaclass=_Type):
    def __init__(
        self,
        x: _SparseRows,
        targets: _Array,
        shares: _Array,
        squares: _Array,
        loss: Loss,
        features: int,
        outputs: int,
    ) -> None: ...
    def ascend(
        self,
        weight: _Array,
        bias: _Array | None,
        bias_square: float,
        gradients: _Array,
        losses: _Array,
        gaps: _Array,
        order: _Array,
        isa: str,
    ) -> float: ...
    def measure(
        self,
        weight: _Array,
        bias: _Array | None,
        gradients: _Array,
        losses: _Array,
        gaps: _Array,
        isa: str,
        threads: int,
    ) -> None: ...

class DualAscentFloat64(metaclass=_Type):
    def __init__(
        self,
        x: _SparseRows,
        targets: _Array,
        shares: _Array,
        squares: _Array,
        loss: Loss,
        features: int,
        outputs: int,
    ) -> None: ...
    def ascend(
        self,
        weight: _Array,
        bias: _Array | None,
        bias_square: float,
        gradients: _Array,
        losses: _Array,
        gaps: _Array,
        order: _Array,
        isa: str,
    ) -> float: ...
    def measure(
        self,
        weight: _Array,
        bias: _Array | None,
        gradients: _Array,
        losses: _Array,
        gaps: _Array,
        isa: str,
        threads: int,
    ) -> None: ...

class OnlineFloat32(metaclass=_Type):
    def __init__(
        self,
        x: _SparseRows,
        labels: _Array,
        weight: _Array,
        loss: Loss,
        features: int,
        classes: int,
    ) -> None: ...
    def learn(
        self,
        weight: _Array,
        bias: _Array | None,
        sums: _Array,
        rate: float,
        floor: float,
        unit: float,
        order: _Array,
        isa: str,
    ) -> float: ...

class OnlineFloat64(metaclass=_Type):
    def __init__(
        self,
        x: _SparseRows,
        labels: _Array,
        weight: _Array,
        loss: Loss,
        features: int,
        classes: int,
    ) -> None: ...
    def learn(
        self,
        weight: _Array,
        bias: _Array | None,
        sums: _Array,
        rate: float,
        floor: float,
        unit: float,
        order: _Array,
        isa: str,
    ) -> float: ...

def built_isas() -> tuple[str, ...]: ...
def available_isas() -> tuple[str, ...]: ...
def default_threads() -> int: ...
def last_run() -> tuple[str, int]: ...
def use_all_threads(always: bool) -> None: ...
def linear(x: _Array, weight: _Array, bias: _Array | None, isa: str, threads: int) -> _Array: ...
def sparse_linear(x: _SparseRows, weight: _Array, bias: _Array | None, isa: str, threads: int) -> _Array: ...
def linear_backward(
    x: _Array, weight: _Array, grad: _Array, isa: str, threads: int
) -> tuple[_Array, _Array, _Array]: ...
def function(name: str, x: _Array, isa: str) -> _Array: ...
def activation(name: str, slope: float, x: _Array, isa: str) -> _Array: ...
def activation_backward(name: str, slope: float, y: _Array, grad: _Array, isa: str) -> _Array: ...
def softmax(scores: _Array, isa: str, threads: int) -> _Array: ...
def loss(
    loss: Loss, scores: _Array, targets: _Array, weight: _Array | None, isa: str, threads: int
) -> tuple[float, _Array]: ...
def update(
    weight: _Array,
    grad: _Array,
    slots: Mapping[str, _Array],
    optimizer: Optimizer,
    penalty: Penalty | None,
    rate: float,
    age: int,
    isa: str,
) -> None: ...
def coordinate_descent(
    products: _Array, slope: _Array, l1: _Array, point: _Array, sweeps: int, tol: float, isa: str
) -> float: ...
def first_nonfinite_row(x: _Array, isa: str) -> int: ...
def first_bad_label(labels: _Array, classes: int) -> int: ...
def multiply_adds(dtype: str, iterations: int, isa: str, threads: int) -> float: ...
def read_bandwidth(x: _Array, passes: int, isa: str, threads: int) -> float: ...
def philox(counter: Sequence[int], key: Sequence[int]) -> tuple[int, int, int, int]: ...
def shuffle(samples: int, seed: int, epoch: int) -> NDArray[np.int64]: ...
def shuffled_orders(generator: object, order: NDArray[np.int64], orders: NDArray[np.int64]) -> None: ...
