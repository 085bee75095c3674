"""Check: the classes of samples and their weights, of networks and linear classifiers alike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from ... import _checks
from ..._checks import Array
from .data import weights_count

WEIGHTED = "sample_weight times class_weight"


def refuse_balanced(class_weight: Any) -> None:
    """In partial_fit, which does not see all samples."""
    if isinstance(class_weight, str) and class_weight == "balanced":
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


def check_class_weight(class_weight: Any, classes: Array, dtype: np.dtype[Any]) -> None:
    """Refuse a mapping with other classes, or with weights that are not finite, negative or all zero.

    Classes that y lacks, as a fold may lack a rare one, are refused only where a class of y has no weight:
    then one of the names is wrong.
    """
    if class_weight is None or (isinstance(class_weight, str) and class_weight == "balanced"):
        return
    known = set(classes.tolist())
    labels = dict(zip(class_weight, _as_in(classes, class_weight), strict=True))
    unknown = [label for label, own in labels.items() if own not in known]
    if unknown and len(class_weight) - len(unknown) < len(known):
        raise ValueError(f"class_weight has the class {unknown[0]!r:.80}, but the classes of y are {classes}")
    for label, weight in class_weight.items():
        name = f"class_weight of class {label!r:.80}"
        _checks.non_negative(weight, name)
        if float(weight) > float(np.finfo(dtype).max):
            raise ValueError(f"{name} is {weight}, but must be finite in {dtype}")
    if not np.array(_weights_by_class(class_weight, classes), dtype).any():
        raise ValueError(
            f"class_weight is zero for all {len(known)} classes, but at least one must be greater than 0"
        )


def weighted_by_class(
    class_weight: Any, classes: Array, codes: Array, sample_weight: Array | None, dtype: np.dtype[Any]
) -> Array | None:
    """The weights of samples times those of their classes, whose numbers are `codes`."""
    if class_weight is None:
        return sample_weight
    if isinstance(class_weight, str):
        by_class = compute_class_weight(class_weight, classes=np.arange(len(classes)), y=codes)
    else:
        by_class = np.array(_weights_by_class(class_weight, classes))
    weight: Array = by_class.astype(dtype)[codes]
    if sample_weight is not None:
        with np.errstate(over="ignore"):  # an infinite sum, which is refused
            weight *= sample_weight
    weights_count(weight, WEIGHTED, or_zero=True)
    return weight


def _weights_by_class(class_weight: Any, classes: Array) -> list[float]:
    """Those of a mapping; 1 for a class that it lacks."""
    own = dict(zip(_as_in(classes, class_weight), class_weight.values(), strict=True))
    return [float(own.get(label, 1)) for label in classes.tolist()]


def _as_in(classes: Array, labels: Iterable[Any]) -> list[Any]:
    """Labels as `classes.tolist()` has them: dates and durations of any type as those of its unit."""
    if classes.dtype.kind not in "mM":
        return list(labels)
    return [_exactly(label, classes.dtype) for label in labels]


def _exactly(label: Any, dtype: np.dtype[Any]) -> Any:
    """The label in a unit; itself if it is no date, or has a time that the unit lacks."""
    given = np.asarray(label.to_numpy() if hasattr(label, "to_numpy") else label)  # pandas'
    if isinstance(label, date | timedelta) and given.dtype.kind == "O":  # Python's
        given = given.astype(f"{dtype.kind}8[us]")
    if given.dtype.kind != dtype.kind or (own := given.astype(dtype)) != given:
        return label
    return own.tolist()
