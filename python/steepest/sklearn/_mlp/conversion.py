"""Networks of scikit-learn made steepest's, and back: with all attributes and the optimizer's state."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from sklearn.base import clone
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from ..._checks import Array
from ...backends.data import Parameters
from ...compile.compiled import Compiled
from ...compile.folding import folded
from ...layers import BatchNorm, Linear
from ...model import Sequential, restored
from ...optimizers import SGD, Adam
from .._estimator.sequential import Parts
from .._fitting.record import begin
from .._fitting.solver import Solver
from .architecture import ACTIVATIONS, THEIR_ACTIVATIONS, KeptModel
from .parameters import MLPParameters

_THEIR_SOLVERS = ("lbfgs", "sgd", "adam")
_THEIR_LOSSES = ("log_loss", "squared_error", "poisson")
_PRIVATE = ("_label_binarizer", "_no_improvement_count")  # what both call so
_OURS_ALONE = ("batch_norms_", "validation_loss_curve_")

Self = TypeVar("Self", bound="ConversionMixin")


class ConversionMixin(MLPParameters):
    """A network that has a counterpart in scikit-learn."""

    _counterparts: ClassVar[tuple[type, ...]]  # of scikit-learn: one class
    _best: list[Array] | None
    coefs_: list[Array]
    intercepts_: list[Array]
    batch_norms_: list[Array]
    out_activation_: str

    @abstractmethod
    def _compiled(self) -> Compiled:
        """The model of its arrays."""

    @abstractmethod
    def _norms(self) -> list[Array]:
        """Its batch norms, if it was fitted with them as its parameters say."""

    @abstractmethod
    def _out_activation(self) -> str:
        """What makes predictions of scores, by scikit-learn's names."""

    def _to_sequential(self) -> Sequential:
        if (fitted := self.out_activation_) != self._out_activation():
            raise ValueError(
                f"loss is {self.loss!r}, but the network was fitted for one whose outputs are {fitted!r}: "
                "fit it again"
            )
        compiled = self._compiled()
        made = restored(compiled.layers, dict(compiled.state()), compiled.dtype)
        made.loss = self._loss()
        return made

    @classmethod
    def _from_parts(cls: type[Self], parts: Parts, settings: dict[str, Any], fitted: dict[str, Any]) -> Self:
        made = cls(
            **_architecture(parts), **{key: value for key, value in settings.items() if key != "margin"}
        )
        for name, value in fitted.items():
            setattr(made, name, value)
        made.coefs_, made.intercepts_ = parts.weights, parts.biases
        if parts.norms:
            made.batch_norms_ = parts.norms
        made.n_layers_, made.n_outputs_ = len(parts.weights) + 1, parts.weights[-1].shape[1]
        made.out_activation_ = made._out_activation()
        begin(made)  # so that partial_fit can go on
        return made

    @classmethod
    def _from_sklearn(cls, estimator: Any) -> Any:
        made = _copied(estimator, cls)
        made._kept = KeptModel()
        if not hasattr(estimator, "loss_curve_"):  # of L-BFGS
            return made
        made.validation_loss_curve_ = []
        best = [*estimator._best_coefs, *estimator._best_intercepts]
        made._best = copy.deepcopy(best) if estimator.early_stopping else None
        made._optimizer = _our_solver(estimator, made)
        return made

    def _to_sklearn(self) -> Any:
        norms = self._norms()
        made = _copied(self, self._counterparts[0], activation=_their_activation(self.activation))
        if self.solver not in _THEIR_SOLVERS:
            raise ValueError(f"solver={self.solver!r} has no counterpart in scikit-learn")
        if self.loss not in _THEIR_LOSSES:
            raise ValueError(f"loss={self.loss!r} has no counterpart in scikit-learn")
        if self.penalty is None:
            made.alpha = 0.0
        if norms:
            _fold(norms, made)
        if not hasattr(self, "loss_curve_"):  # of L-BFGS
            return made
        coefs, best = len(made.coefs_), self._best
        if best is None or norms:
            best = [*made.coefs_, *made.intercepts_]
        made._best_coefs, made._best_intercepts = copy.deepcopy(best[:coefs]), copy.deepcopy(best[coefs:])
        # That of another kind, before `solver` was set to one of theirs, is not carried on.
        if not norms and self._optimizer and type(self._optimizer.optimizer) in (Adam, SGD):
            made._optimizer = _their_optimizer(made, self._optimizer)
        return made


def _architecture(parts: Parts) -> dict[str, Any]:
    """The parameters that say which layers there are."""
    activations, epsilon = [], BatchNorm(1).epsilon
    for hidden in parts.hidden:
        number, activation = hidden.activation or (0, ACTIVATIONS["identity"]())
        names = [name for name, kind in ACTIVATIONS.items() if kind() == activation]
        if not names:
            raise parts.refused(number, f"has {type(activation).__name__} only as {type(activation)()!r}")
        activations += names
        if hidden.norm is None and parts.norms:
            number = next(other.norm[0] for other in parts.hidden if other.norm)
            raise parts.refused(number, "has batch normalization after all hidden layers or none")
        if hidden.norm is not None and hidden.norm[1].epsilon != epsilon:
            raise parts.refused(hidden.norm[0], f"has an epsilon of {epsilon}")
    rates = [hidden.rate for hidden in parts.hidden]
    return {
        "hidden_layer_sizes": tuple(weight.shape[1] for weight in parts.weights[:-1]),
        "activation": activations if len({*activations}) > 1 else (activations or ["relu"])[0],
        "dropout": rates if len({*rates}) > 1 else (rates or [0.0])[0],
        "batch_norm": bool(parts.norms),
    }


def _our_solver(estimator: Any, made: Any) -> Solver | None:
    """The solver of `made`, with the state of the other's; None where that has none, as of `to_sklearn`."""
    parameters = _layers([*made.coefs_, *made.intercepts_])
    theirs = vars(estimator).get("_optimizer")
    if theirs is None:
        return None
    # Of its kind: `solver` may have been set since.
    of_fit = clone(made).set_params(solver="adam" if isinstance(theirs, AdamOptimizer) else "sgd")
    solver = Solver.of(of_fit, parameters, float(estimator.learning_rate_init))
    if isinstance(theirs, AdamOptimizer):
        kept = {"mean": theirs.ms, "mean_square": theirs.vs}
        solver.state.steps[0] = theirs.t
    else:
        kept = {"velocity": theirs.velocities}
        solver.learning_rate = float(theirs.learning_rate)
    for name, ours in solver.state.slots.items():
        for array, new in zip(_arrays(ours), kept[name], strict=False):
            array[:] = new
    return solver


def _copied(source: Any, kind: Any, **changed: Any) -> Any:
    """One of that kind with the parameters and attributes that both know."""
    given, known = source.get_params(deep=False), kind().get_params(deep=False)
    parameters = {name: copy.deepcopy(value) for name, value in given.items() if name in known}
    made = kind(**parameters | changed)
    for name, value in vars(source).items():
        shown = name.endswith("_") and not name.startswith("_") and name not in _OURS_ALONE
        if shown or name in _PRIVATE:
            setattr(made, name, copy.deepcopy(value))
    return made


def _their_activation(given: str | Sequence[str]) -> str:
    """The one of all hidden layers, if scikit-learn has it."""
    names = {given} if isinstance(given, str) else set(given) or {"relu"}
    if len(names) > 1 or not names <= set(THEIR_ACTIVATIONS):
        raise ValueError(f"activation={given!r} has no counterpart in scikit-learn")
    return str(names.pop())


def _their_optimizer(made: Any, ours: Solver) -> Any:
    """scikit-learn's, with the state of ours."""
    params = [*made.coefs_, *made.intercepts_]
    rate, state = float(made.learning_rate_init), ours.state
    if isinstance(ours.optimizer, Adam):
        adam = AdamOptimizer(params, rate, made.beta_1, made.beta_2, made.epsilon)
        adam.ms, adam.vs = _flat(state.slots["mean"]), _flat(state.slots["mean_square"])
        adam.t = int(state.steps[0])
        return adam
    sgd = SGDOptimizer(params, rate, made.learning_rate, made.momentum, made.nesterovs_momentum, made.power_t)
    sgd.learning_rate = ours.learning_rate
    if state.slots:
        sgd.velocities = _flat(state.slots["velocity"])
    return sgd


def _layers(flat: Sequence[Array]) -> list[Parameters]:
    """All weights and then all biases, layer by layer."""
    half = len(flat) // 2
    return [Parameters(weight, bias) for weight, bias in zip(flat[:half], flat[half:], strict=True)]


def _arrays(layers: Any) -> list[Array]:
    """All weights and then all biases."""
    return [layer.weight for layer in layers] + [layer.bias for layer in layers]


def _flat(layers: Any) -> list[Array]:
    """Copies of them."""
    return [array.copy() for array in _arrays(layers)]


def _fold(batch_norms: Sequence[Array], made: Any) -> None:
    """Make each normalization a part of the layer before it."""
    norms = zip(made.coefs_, made.intercepts_, batch_norms, strict=False)
    for place, (coef, intercept, norm) in enumerate(norms):
        keys = ("1.weight", "1.bias", "1.running_mean", "1.running_var")
        state = {"0.weight": coef, "0.bias": intercept} | dict(zip(keys, norm, strict=True))
        _, new = folded([Linear(*coef.shape), BatchNorm(coef.shape[1])], state)
        made.coefs_[place] = new["0.weight"].astype(coef.dtype)
        made.intercepts_[place] = new["0.bias"].astype(coef.dtype)
