"""A search by Optuna whose hopeless fits end early: a callback of `fit` reports each epoch's validation loss.

Optuna's own pruner compares it with the trials before, and the callback ends those that are worse than most.

    python examples/optuna_pruning.py [PICTURE]
"""

from __future__ import annotations

import sys

import numpy as np
import optuna
from matplotlib.figure import Figure

import steepest as st

X, y = st.datasets.load_digits()
X = X.astype(np.float32) / 16
train, held_out = st.datasets.stratified_split(y, 0.25, seed=0)


def pruning(trial: optuna.Trial):
    """A callback of `fit`: it tells the trial each validation loss, and ends one that is to be pruned."""

    def report(epoch: st.EpochState) -> None:
        trial.report(epoch.validation_loss, epoch.epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    return report


def objective(trial: optuna.Trial) -> float:
    units = trial.suggest_int("units", 4, 64, log=True)
    rate = trial.suggest_float("learning_rate", 1e-4, 1.0, log=True)
    model = st.Sequential(st.Linear(64, units), st.ReLU(), st.Linear(units, 10), seed=0)
    history = model.fit(
        X[train],
        y[train],
        optimizer=st.SGD(rate, momentum=0.9),
        epochs=15,
        validation_data=(X[held_out], y[held_out]),
        callbacks=[pruning(trial)],
        progress=False,
    )
    return history.validation_loss[-1]


optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(
    sampler=optuna.samplers.TPESampler(seed=0), pruner=optuna.pruners.MedianPruner(n_warmup_steps=2)
)
study.optimize(objective, n_trials=30)

pruned = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.PRUNED]
epochs = sum(len(trial.intermediate_values) for trial in study.trials)
print(f"trials {len(study.trials)}, of which pruned {len(pruned)}")
print(f"epochs {epochs} instead of {15 * len(study.trials)}")
print(f"best validation loss {study.best_value:.4f} with", study.best_params)
print(f"the same fit alone   {objective(optuna.trial.FixedTrial(study.best_params)):.4f}")

figure = Figure((8, 5), layout="constrained")
axes = figure.subplots()
for trial in study.trials:
    losses = trial.intermediate_values
    axes.semilogy([*losses], [*losses.values()], "C3" if trial in pruned else "C0", alpha=0.6)
axes.set(xlabel="epoch", ylabel="validation loss", title="pruned trials are red")
figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "optuna_pruning.png")
