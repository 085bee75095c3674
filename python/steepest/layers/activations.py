"""Activations: functions of each element by itself.

To add one, write its class here, its formula in backends/reference/activations.py and the kernel of its name,
and its functions in functional/activations.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from .. import _checks
from .._description import Rule
from ..initializers import Initializer, KaimingNormal
from ._base import Activation, Plan

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "Identity",
    "LeCunTanh",
    "LeakyReLU",
    "Mish",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Tanh",
]


@dataclass(frozen=True)
class ReLU(Activation):
    """Rectified linear unit, max(0, x); its derivative at 0 is taken as 0.

    Notes
    -----
    After Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(4, 3), st.ReLU())
    >>> bool((model([[1.0, 2.0, 3.0, 4.0]]) >= 0).all())
    True
    """

    name: ClassVar[str] = "relu"
    keeps_bounds: ClassVar[bool] = True

    @classmethod
    def initializer_before(cls, slope: float) -> Initializer:
        """He's rule, as half of the variance is lost."""
        return KaimingNormal()


@dataclass(frozen=True)
class Sigmoid(Activation):
    """Logistic function, 1 / (1 + exp(-x)).

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(4, 3), st.Sigmoid())
    >>> model([[0.0, 0.0, 0.0, 0.0]]).tolist()
    [[0.5, 0.5, 0.5]]
    """

    name: ClassVar[str] = "sigmoid"


@dataclass(frozen=True)
class Tanh(Activation):
    """Hyperbolic tangent.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(4, 3), st.Tanh())
    >>> model([[0.0, 0.0, 0.0, 0.0]]).tolist()
    [[0.0, 0.0, 0.0]]
    """

    name: ClassVar[str] = "tanh"


@dataclass(frozen=True)
class LeakyReLU(Activation):
    """x above 0, negative_slope * x below; its derivative at 0 is taken as negative_slope.

    Parameters
    ----------
    negative_slope : float, default 0.01
        Not negative.

    Raises
    ------
    TypeError
        If `negative_slope` is not a real number.
    ValueError
        If it is negative or not finite.

    Notes
    -----
    After Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.

    Examples
    --------
    >>> import steepest as st
    >>> st.LeakyReLU(0.2)
    LeakyReLU(negative_slope=0.2)
    """

    negative_slope: float = 0.01
    name: ClassVar[str] = "leaky_relu"
    keeps_bounds: ClassVar[bool] = True
    _rules: ClassVar[Mapping[str, Rule]] = {"negative_slope": _checks.non_negative}

    @property
    def slope(self) -> float:
        """The number in its formula."""
        return self.negative_slope

    @classmethod
    def initializer_before(cls, slope: float) -> Initializer:
        """He's rule with what comes through below 0."""
        return KaimingNormal(slope)


@dataclass(frozen=True)
class ELU(Activation):
    """x above 0, alpha * (exp(x) - 1) below; its derivative at 0 is taken as alpha.

    Parameters
    ----------
    alpha : float, default 1.0
        Greater than 0. The function tends to -alpha for very negative x.

    Raises
    ------
    TypeError
        If `alpha` is not a real number.
    ValueError
        If it is not finite and greater than 0.

    Notes
    -----
    After Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential linear
    units (ELUs)", arXiv:1511.07289, 2015.

    Examples
    --------
    >>> import steepest as st
    >>> st.ELU(0.5)
    ELU(alpha=0.5)
    """

    alpha: float = 1.0
    name: ClassVar[str] = "elu"
    keeps_bounds: ClassVar[bool] = True
    _rules: ClassVar[Mapping[str, Rule]] = {"alpha": _checks.positive}

    @property
    def slope(self) -> float:
        """The number in its formula."""
        return self.alpha

    @classmethod
    def initializer_before(cls, slope: float) -> Initializer:
        """As before `ReLU`."""
        return KaimingNormal()


@dataclass(frozen=True)
class SELU(Activation):
    """Scaled ELU: s * x above 0, s * a * (exp(x) - 1) below, s = 1.0507009873554805, a = 1.6732632423543772.

    With these constants, deep networks of layers with `initializers.LeCunNormal` weights, the default before
    this activation, keep mean 0 and variance 1. Its derivative at 0 is taken as s * a.

    Notes
    -----
    After Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", NIPS 2017.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(4, 3), st.SELU())
    >>> model([[0.0, 0.0, 0.0, 0.0]]).tolist()
    [[0.0, 0.0, 0.0]]
    """

    name: ClassVar[str] = "selu"
    keeps_bounds: ClassVar[bool] = True


@dataclass(frozen=True)
class LeCunTanh(Activation):
    """1.7159 * tanh(2/3 * x), which maps 1 to 1 and -1 to -1.

    Notes
    -----
    After LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(4, 3), st.LeCunTanh())
    >>> model([[0.0, 0.0, 0.0, 0.0]]).tolist()
    [[0.0, 0.0, 0.0]]
    """

    name: ClassVar[str] = "lecun_tanh"


@dataclass(frozen=True)
class Softplus(Activation):
    """log(1 + exp(x)), a smooth ReLU, computed without overflow or loss of accuracy for any x.

    Notes
    -----
    After Dugas, Bengio, Bélisle, Nadeau and Garcia, "Incorporating second-order functional knowledge for
    better option pricing", NIPS 2000.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(4, 3), st.Softplus())
    >>> bool((model([[1.0, 2.0, 3.0, 4.0]]) > 0).all())
    True
    """

    name: ClassVar[str] = "softplus"


@dataclass(frozen=True)
class GELU(Activation):
    """x * Phi(x), Phi the normal distribution function, exactly.

    Its derivative needs its input, so it is not fused into the `Linear` layer before it.

    Notes
    -----
    After Hendrycks and Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415, 2016.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(4, 3), st.GELU())
    >>> model([[0.0, 0.0, 0.0, 0.0]]).tolist()
    [[0.0, 0.0, 0.0]]
    """

    name: ClassVar[str] = "gelu"
    reads_input: ClassVar[bool] = True

    @classmethod
    def initializer_before(cls, slope: float) -> Initializer:
        """As before `ReLU`."""
        return KaimingNormal()


@dataclass(frozen=True)
class SiLU(Activation):
    """x * sigmoid(x), also known as swish.

    Its derivative needs its input, so it is not fused into the `Linear` layer before it.

    Notes
    -----
    After Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units for neural network function approximation
    in reinforcement learning", Neural Networks 107, 2018; Ramachandran, Zoph and Le, "Searching for
    activation functions", arXiv:1710.05941, 2017.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(4, 3), st.SiLU())
    >>> model([[0.0, 0.0, 0.0, 0.0]]).tolist()
    [[0.0, 0.0, 0.0]]
    """

    name: ClassVar[str] = "silu"
    reads_input: ClassVar[bool] = True

    @classmethod
    def initializer_before(cls, slope: float) -> Initializer:
        """As before `ReLU`."""
        return KaimingNormal()


@dataclass(frozen=True)
class Mish(Activation):
    """x * tanh(log(1 + exp(x))), computed without overflow for any x.

    Its derivative needs its input, so it is not fused into the `Linear` layer before it.

    Notes
    -----
    After Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(4, 3), st.Mish())
    >>> model([[0.0, 0.0, 0.0, 0.0]]).tolist()
    [[0.0, 0.0, 0.0]]
    """

    name: ClassVar[str] = "mish"
    reads_input: ClassVar[bool] = True

    @classmethod
    def initializer_before(cls, slope: float) -> Initializer:
        """As before `ReLU`."""
        return KaimingNormal()


@dataclass(frozen=True)
class Identity(Activation):
    """Return the input. A placeholder that costs nothing.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(4, 3), st.Identity())
    >>> model([[0.0, 0.0, 0.0, 0.0]]).tolist()
    [[0.0, 0.0, 0.0]]
    """

    name: ClassVar[str] = "identity"
    keeps_bounds: ClassVar[bool] = True

    def compile(self, plan: Plan) -> None:
        """To nothing."""


# By their names: those above, and none that is derived from `Activation` elsewhere.
ACTIVATIONS: Mapping[str, type[Activation]] = {kind.name: kind for kind in Activation.__subclasses__()}
