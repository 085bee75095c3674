"""Check: that a model ends with the scores that its loss takes."""

from __future__ import annotations

from collections.abc import Sequence

from ..layers import Layer, Residual, Sigmoid
from ..losses import BinaryCrossEntropy, Loss, SoftmaxCrossEntropy


def check_output(layers: Sequence[Layer], loss: Loss) -> None:
    """Refuse a model that ends with a sigmoid for a loss that has its own, or a softmax.

    Raises
    ------
    ValueError
        With the layer and the remedy.
    """
    if not isinstance(loss, BinaryCrossEntropy | SoftmaxCrossEntropy):
        return
    if (sigmoid := _last_sigmoid(layers)) is not None:
        own = "sigmoid" if isinstance(loss, BinaryCrossEntropy) else "softmax"
        raise ValueError(
            f"layer {sigmoid} is Sigmoid(), so that scores lie between 0 and 1, but {type(loss).__name__} "
            f"expects scores of any size and applies its own {own}: remove the layer, and use "
            f"st.functional.{own}(model(X)) for probabilities"
        )


def ends_with_sigmoid(layers: Sequence[Layer]) -> bool:
    """Whether the scores lie between 0 and 1 for this reason."""
    return _last_sigmoid(layers) is not None


def _last_sigmoid(layers: Sequence[Layer], prefix: str = "", before: str | None = None) -> str | None:
    """The number of the sigmoid whose answers come out, None if something else does."""
    sigmoid = before
    for number, layer in enumerate(layers):
        path = f"{prefix}{number}"
        if isinstance(layer, Sigmoid):
            sigmoid = path
        elif isinstance(layer, Residual):
            # The sum with the shortcut: bounded only if both are.
            sigmoid = sigmoid and _last_sigmoid(layer.layers, f"{path}.", sigmoid)
        elif not layer.keeps_bounds:
            sigmoid = None
    return sigmoid
