"""Estimators of tables with default settings, each with a table as it takes one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import steepest as st
from steepest.sklearn import TabularClassifier, TabularRegressor

USUAL = "hgb,lightgbm,ours"
ALL = ("hgb", "lightgbm", "mlp", "realmlp", "tabm", "ours")


class Compared(NamedTuple):
    """An estimator, and what is made of a table before it is split."""

    name: str
    estimator: Any
    prepared: Callable[[Any], Any]


def compared(classes: bool, names: Sequence[str]) -> Iterator[Compared]:
    """The estimators with these names."""
    threads = st.get_num_threads()
    if unknown := {*names} - {*ALL}:
        raise SystemExit(f"no models of these names: {unknown}; there are {ALL}")
    if "hgb" in names:
        kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
        yield Compared("hgb", kind(random_state=0), with_categories)
    if "lightgbm" in names:
        import lightgbm

        kind = lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor
        yield Compared("lightgbm", kind(random_state=0, n_jobs=threads, verbose=-1), with_categories)
    if "mlp" in names:
        kind = MLPClassifier if classes else MLPRegressor
        yield Compared("mlp", make_pipeline(inputs_for_networks(), kind(random_state=0)), with_categories)
    if "realmlp" in names:
        from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

        kind = RealMLP_TD_Classifier if classes else RealMLP_TD_Regressor
        yield Compared("realmlp", kind(device="cpu", random_state=0, n_threads=threads), without_gaps)
    if "tabm" in names:
        from pytabkit import TabM_D_Classifier, TabM_D_Regressor

        kind = TabM_D_Classifier if classes else TabM_D_Regressor
        yield Compared("tabm", kind(device="cpu", random_state=0, n_threads=threads), without_gaps)
    if "ours" in names:
        kind = TabularClassifier if classes else TabularRegressor
        yield Compared("ours", kind(random_state=0), lambda X: X)


def with_categories(X: Any) -> Any:
    """Texts as pandas' categories."""
    return X.astype({name: "category" for name in X.columns if X[name].dtype.kind not in "iufb"})


def without_gaps(X: Any) -> Any:
    """Texts as categories, gaps in numbers filled with the median of all rows: pytabkit takes no NaN."""
    return with_categories(X).fillna(X.median(numeric_only=True))


def inputs_for_networks() -> Any:
    """Standardized numbers, and inputs of 0 and 1 for categories."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    kinds = OneHotEncoder(handle_unknown="ignore", min_frequency=3)
    return make_column_transformer(
        (numbers, make_column_selector(dtype_exclude="category")),
        (kinds, make_column_selector(dtype_include="category")),
    )
