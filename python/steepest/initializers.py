"""Initial weights of linear layers, drawn in float64 from a model's generator.

Biases start at zero, unless a `Linear` has a rule for them too. With n inputs and m outputs of the layer: a
uniform rule draws from [-a, a) with a = sqrt(3) * the standard deviation of the normal one, so that both
have the same variance.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from . import _checks
from ._description import Description, Rule

__all__ = [
    "Initializer",
    "KaimingNormal",
    "KaimingUniform",
    "LeCunNormal",
    "LeCunUniform",
    "Normal",
    "XavierNormal",
    "XavierUniform",
    "Zeros",
]

_Weights = NDArray[np.float64]


class Initializer(ABC):
    """Base class of rules for initial weights; derive from it for a custom rule.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> class Ones(st.initializers.Initializer):
    ...     def draw(self, generator, inputs, outputs):
    ...         return np.ones((inputs, outputs))
    >>> st.Sequential(st.Linear(2, 1), initializer=Ones())([[1.0, 2.0]]).tolist()
    [[3.0]]
    """

    # Whether it scales by the sizes of a weight, which a bias does not have.
    by_size: ClassVar[bool] = False

    @abstractmethod
    def draw(self, generator: np.random.Generator, inputs: int, outputs: int) -> _Weights:
        """Draw the weights of a layer.

        Parameters
        ----------
        generator : numpy.random.Generator
            Where all random numbers come from.
        inputs, outputs : int
            The layer's features. For a bias, which is a row, `inputs` is 1.

        Returns
        -------
        ndarray, (inputs, outputs), float64
        """


class _Scaled(Initializer):
    """Of mean zero, and a standard deviation by the layer's sizes."""

    by_size: ClassVar[bool] = True

    @abstractmethod
    def _deviation(self, inputs: int, outputs: int) -> float: ...


class _Normal(_Scaled):
    def draw(self, generator: np.random.Generator, inputs: int, outputs: int) -> _Weights:
        """Normal weights."""
        return generator.standard_normal((inputs, outputs)) * self._deviation(inputs, outputs)


class _Uniform(_Scaled):
    def draw(self, generator: np.random.Generator, inputs: int, outputs: int) -> _Weights:
        """Uniform weights."""
        limit = math.sqrt(3) * self._deviation(inputs, outputs)
        return generator.uniform(-limit, limit, (inputs, outputs))


@dataclass(frozen=True)
class _Kaiming(Description, _Scaled):
    negative_slope: float = 0.0
    _rules: ClassVar[Mapping[str, Rule]] = {"negative_slope": _checks.non_negative}

    def _deviation(self, inputs: int, outputs: int) -> float:
        return math.sqrt(2 / (1 + self.negative_slope * self.negative_slope) / inputs)


class _Xavier(_Scaled):
    def _deviation(self, inputs: int, outputs: int) -> float:
        return math.sqrt(2 / (inputs + outputs))


class _LeCun(_Scaled):
    def _deviation(self, inputs: int, outputs: int) -> float:
        return math.sqrt(1 / inputs)


@dataclass(frozen=True)
class KaimingNormal(_Kaiming, _Normal):
    """Normal with standard deviation sqrt(2 / n), for a layer before ReLU, which halves the variance.

    Before a `LeakyReLU`, sqrt(2 / ((1 + negative_slope**2) n)).

    Parameters
    ----------
    negative_slope : float, default 0.0
        That of the activation behind the layer; not negative.

    Raises
    ------
    TypeError
        If `negative_slope` is not a real number.
    ValueError
        If it is negative or not finite.

    Notes
    -----
    After He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> weights = st.initializers.KaimingNormal().draw(np.random.default_rng(0), 1000, 500)
    >>> float(weights.std().round(3))
    0.045
    """


@dataclass(frozen=True)
class KaimingUniform(_Kaiming, _Uniform):
    """Uniform in [-a, a) with a = sqrt(6 / n): see `KaimingNormal`.

    Before a `LeakyReLU`, a = sqrt(6 / ((1 + negative_slope**2) n)).

    Parameters
    ----------
    negative_slope : float, default 0.0
        That of the activation behind the layer; not negative.

    Raises
    ------
    TypeError
        If `negative_slope` is not a real number.
    ValueError
        If it is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> weights = st.initializers.KaimingUniform().draw(np.random.default_rng(0), 1000, 500)
    >>> bool(abs(weights).max() < (6 / 1000) ** 0.5)
    True
    """


@dataclass(frozen=True)
class XavierNormal(_Xavier, _Normal):
    """Normal with standard deviation sqrt(2 / (n + m)), a compromise between forward and backward pass.

    Notes
    -----
    After Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> weights = st.initializers.XavierNormal().draw(np.random.default_rng(0), 1000, 500)
    >>> float(weights.std().round(3))
    0.037
    """


@dataclass(frozen=True)
class XavierUniform(_Xavier, _Uniform):
    """Uniform in [-a, a) with a = sqrt(6 / (n + m)): see `XavierNormal`.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> weights = st.initializers.XavierUniform().draw(np.random.default_rng(0), 1000, 500)
    >>> bool(abs(weights).max() < (6 / 1500) ** 0.5)
    True
    """


@dataclass(frozen=True)
class LeCunNormal(_LeCun, _Normal):
    """Normal with standard deviation sqrt(1 / n), which preserves the variance in a linear layer.

    Notes
    -----
    After LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> weights = st.initializers.LeCunNormal().draw(np.random.default_rng(0), 1000, 500)
    >>> float(weights.std().round(3))
    0.032
    """


@dataclass(frozen=True)
class LeCunUniform(_LeCun, _Uniform):
    """Uniform in [-a, a) with a = sqrt(3 / n): see `LeCunNormal`.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> weights = st.initializers.LeCunUniform().draw(np.random.default_rng(0), 1000, 500)
    >>> bool(abs(weights).max() < (3 / 1000) ** 0.5)
    True
    """


@dataclass(frozen=True)
class Normal(Description, _Normal):
    """Normal with a fixed standard deviation, whatever the layer's size: the lecture's ``0.01 * randn``.

    Parameters
    ----------
    std : float, default 0.01
        Finite and not negative.

    Raises
    ------
    TypeError
        If `std` is not a real number.
    ValueError
        If it is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> weights = st.initializers.Normal(0.5).draw(np.random.default_rng(0), 1000, 500)
    >>> float(weights.std().round(2))
    0.5
    """

    std: float = 0.01
    by_size: ClassVar[bool] = False
    _rules: ClassVar[Mapping[str, Rule]] = {"std": _checks.non_negative}

    def _deviation(self, inputs: int, outputs: int) -> float:
        return self.std


@dataclass(frozen=True)
class Zeros(Initializer):
    """All zeros, for a linear classifier. In a hidden layer, all units would stay equal.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(2, 3), initializer=st.initializers.Zeros())
    >>> model([[1.0, 2.0]]).tolist()
    [[0.0, 0.0, 0.0]]
    """

    def draw(self, generator: np.random.Generator, inputs: int, outputs: int) -> _Weights:
        """Zeros."""
        return np.zeros((inputs, outputs))


class _Draws(Protocol):
    """An initializer, or a layer that draws its own weight."""

    def draw(self, generator: np.random.Generator, inputs: int, outputs: int, /) -> _Weights: ...


def drawn(
    initializer: _Draws,
    generator: np.random.Generator,
    inputs: int,
    outputs: int,
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    """The weights that a layer, or an initializer, maybe of the user's own, draws; refuse what is none."""
    with np.errstate(over="ignore"):  # infinities are refused
        weights = np.asarray(initializer.draw(generator, inputs, outputs), np.float64)
        rounded = weights.astype(dtype, copy=False)
    if weights.shape != (inputs, outputs) or not np.isfinite(weights).all():
        raise ValueError(
            f"{initializer!r:.80} drew weights of shape {weights.shape}, but must draw finite ones of shape "
            f"({inputs}, {outputs})"
        )
    if not np.isfinite(rounded).all():
        raise ValueError(
            f"{initializer!r:.80} drew a weight of size {np.abs(weights).max()}, "
            f"which must be at most {np.finfo(dtype).max}, the largest number of {dtype}"
        )
    return rounded


def checked_initializer(value: object, name: str = "initializer", example: str = "KaimingNormal()") -> None:
    """Raise a TypeError unless `value` is None or an initializer."""
    if value is not None and not isinstance(value, Initializer):
        raise TypeError(
            f"{name} must be None or an initializer such as st.initializers.{example}, not {value!r:.80}"
        )


def checked_bias_initializer(value: object, *, bias: bool) -> None:
    """Raise a TypeError unless `value` is None or an initializer, and a ValueError for one of matrices."""
    checked_initializer(value, "bias_initializer", "Normal(0.01)")
    if isinstance(value, Initializer) and value.by_size:
        raise ValueError(
            f"bias_initializer is {value!r:.80}, which scales by the sizes of a matrix, but a bias is a row: "
            "use st.initializers.Normal(std), or a rule of your own"
        )
    if value is not None and not bias:
        raise ValueError(f"bias_initializer is {value!r:.80}, but bias is False: there is none to draw")


# ---- in files ------------------------------------------------------------------------------------------


def initializer_to_config(initializer: Initializer) -> dict[str, Any] | None:
    """One of this module as plain values: its name, and its fields; None for a rule of the user's own."""
    kind = type(initializer)
    if kind.__name__ not in __all__ or globals()[kind.__name__] is not kind:
        return None
    values = {field.name: getattr(initializer, field.name) for field in fields(kind)}
    return {"initializer": kind.__name__} | values


def initializer_from_config(config: object) -> Initializer:
    """The initializer that `initializer_to_config` described; raise a ValueError if there is none."""
    values = dict(config) if isinstance(config, Mapping) else {}
    name = values.pop("initializer", None)
    if not isinstance(name, str) or name not in __all__ or name == "Initializer":
        raise ValueError(f"an initializer's description must have its name, but is {config!r:.80}")
    kind = globals()[name]
    expected = {field.name for field in fields(kind)}
    if values.keys() != expected:
        raise ValueError(
            f"{name} takes the fields {sorted(expected)}, but got {sorted(map(str, values))!s:.200}"
        )
    made: Initializer = kind(**values)
    return made
