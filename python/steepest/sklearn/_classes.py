"""Check: the classes of samples and their weights, of networks and linear classifiers alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from ..backends.protocol import Array


def refuse_balanced(class_weight: Any) -> None:
    """In partial_fit, which does not see all samples."""
    if class_weight == "balanced":
        raise ValueError(
            "class_weight 'balanced' is not supported for partial_fit. In order to use 'balanced' "
            "weights, use compute_class_weight('balanced', classes=classes, y=y). In place of y you can "
            "use a large enough sample of the full training set target to properly estimate the class "
            "frequency distributions. Pass the resulting weights as the class_weight parameter."
        )


def check_classes(classes: Array, known: Array, all_of_them: bool) -> None:
    """Refuse classes of y that are not known, or not all of those that are."""
    if all_of_them:
        if set(classes) != set(known):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {known}, `y` has {classes}"
            )
    elif len(np.setdiff1d(classes, known, assume_unique=True)):
        raise ValueError(
            f"`y` has classes not in `self.classes_`. `self.classes_` has {known}. 'y' has {classes}."
        )


def weighted_by_class(
    class_weight: Any, classes: Array, codes: Array, sample_weight: Array | None, dtype: np.dtype[Any]
) -> Array | None:
    """The weights of samples times those of their classes, whose numbers are `codes`."""
    if class_weight is None:
        return sample_weight
    by_class = compute_class_weight(class_weight, classes=classes, y=classes[codes])
    weight: Array = by_class.astype(dtype)[codes]
    return weight if sample_weight is None else weight * sample_weight
