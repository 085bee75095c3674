"""One training of a network on prepared rows: its epochs, its lines, and what ends it."""

from __future__ import annotations

import signal
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import metrics
from ..model import Sequential
from ..optimizers import Optimizer
from ..tables import Peers
from ..training.callbacks import Callback, EarlyStopping, EpochState
from ..training.divergence import DivergenceError
from ..training.history import History
from ..training.trainer import Trainer
from . import network
from .errors import UserError
from .output import Lines

Array = NDArray[Any]
_STEPS = 6000  # of a training without --epochs, unless that makes too few or too many epochs
_FEWEST, _MOST = 20, 300
_PATIENCE = 300  # steps: within fewer, the loss of a few held-out rows may rise for some time, and fall again
_LINES = 20  # of epochs, at most


@dataclass(frozen=True)
class Samples:
    """Rows as a network takes them; y is (rows,) int64 classes, or (rows, outputs) float32."""

    x: NDArray[np.float32]
    y: Array


@dataclass(frozen=True)
class Learned:
    """What a training gave."""

    model: Sequential
    history: History
    optimizer: Optimizer
    warnings: Sequence[str]


def epochs_for(rows: int, options: Namespace) -> int:
    """The epochs that were asked for, or about as many steps as small tables need."""
    if options.epochs is not None:
        return int(options.epochs)
    return int(min(max(-(-_STEPS // -(-rows // options.batch_size)), _FEWEST), _MOST))


def patience_for(rows: int, epochs: int, options: Namespace) -> int:
    """The epochs to wait for an improvement: as asked for, or a share of them that is enough steps."""
    if options.patience is not None:
        return int(options.patience)
    batches = -(-rows // options.batch_size)
    return int(max(5, epochs // 10, -(-_PATIENCE // batches)))


def made(
    task: str, inputs: int, outputs: int, y: Array, options: Namespace, peers: Peers
) -> tuple[Sequential, Trainer, Array | None, int]:
    """A new network with its trainer, the weights of classes if they are balanced, and the epochs.

    Raises
    ------
    UserError
        If an option does not suit the task, or a number does not fit into float32 or memory.
    """
    name, rows = network.loss_name(task, options), peers.total(len(y))
    epochs, batches = epochs_for(rows, options), -(-rows // options.batch_size)
    if rows // peers.shards < batches:
        raise UserError(
            f"{rows} rows in batches of {options.batch_size} are {batches} batches, but each of "
            f"{peers.shards} shards has {rows // peers.shards} rows, and needs one in each: give a "
            f"--batch-size of {-(-rows // max(rows // peers.shards, 1))} or more, or fewer --shards"
        )
    class_weight = None
    if options.class_weight is not None:
        if task != "classification":
            raise UserError(f"--class-weight needs classes, but the task is a {task}")
        class_weight = network.balanced(peers.total(np.bincount(y, minlength=outputs)))
    try:
        model = network.network(inputs, outputs, options)
        optimizer = network.optimizer(options, name, epochs * batches)
        trainer = Trainer(
            model,
            network.loss(name, class_weight),
            optimizer,
            network.penalty(options),
            communicator=peers.communicator,
            shards=options.shards,
        )
    except ValueError as error:
        raise UserError(str(error)) from None
    return model, trainer, class_weight, epochs


def learn(
    task: str,
    outputs: int,
    samples: Samples,
    held: Samples | None,
    options: Namespace,
    say: Lines,
    peers: Peers,
) -> Learned:
    """Train a new network; `held` are the rows of early stopping.

    Parameters
    ----------
    task : {"classification", "regression", "multilabel"}
    outputs : int
        Of the network: classes, or targets.
    """
    name = network.loss_name(task, options)
    model, trainer, class_weight, epochs = made(task, samples.x.shape[1], outputs, samples.y, options, peers)
    one_hot = task == "classification" and name == "squared_error"
    weight = None
    if class_weight is not None and name != "softmax":
        weight = class_weight[samples.y]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        history = _fit(
            trainer,
            _targets(samples, outputs, one_hot),
            None if held is None else _targets(held, outputs, one_hot),
            weight,
            epochs,
            options,
            _metric(task),
            say,
            peers,
        )
    return Learned(model, history, trainer.optimizer, [str(warning.message) for warning in caught])


def _targets(samples: Samples, outputs: int, one_hot: bool) -> Samples:
    return Samples(samples.x, np.eye(outputs, dtype=np.float32)[samples.y]) if one_hot else samples


def _metric(task: str) -> tuple[str, Callable[[Any, Any], float]]:
    """What the lines of epochs say beside the losses."""
    if task == "regression":
        return "R^2", metrics.r2
    if task == "multilabel":
        return "accuracy", lambda truth, scores: float(((scores > 0) == (truth > 0.5)).mean())
    return "accuracy", metrics.accuracy


def _fit(
    trainer: Trainer,
    samples: Samples,
    held: Samples | None,
    weight: Array | None,
    epochs: int,
    options: Namespace,
    metric: tuple[str, Callable[[Any, Any], float]],
    say: Lines,
    peers: Peers,
) -> History:
    name, function = metric
    metric_has_meaning = held is not None and not (name == "R^2" and _constant(held.y, peers))
    callbacks: list[Callback] = []
    if held is not None:
        patience = patience_for(peers.total(len(samples.y)), epochs, options)
        callbacks.append(EarlyStopping(patience=patience))
    if not options.quiet:
        callbacks.append(_lines(epochs, name, say))
    peers.every(None)  # all have come here: from now on, a fit tells all of an error
    try:
        with _cancelled_by_interrupt(trainer, peers):
            return trainer.fit(
                samples.x,
                samples.y,
                epochs=epochs,
                batch_size=options.batch_size,
                sample_weight=weight,
                validation_data=None if held is None else (held.x, held.y),
                metrics={"score": function} if metric_has_meaning else None,
                callbacks=callbacks,
                progress=not options.quiet,
                checkpoint=options.checkpoint,
                checkpoint_every=options.checkpoint_every,
                resume=options.resume,
            )
    except DivergenceError as error:
        epoch = "" if error.epoch is None else f" in epoch {error.epoch + 1}"
        rate = error.learning_rate
        raise UserError(
            f"the loss stopped being finite{epoch} with learning rate {rate:g}: "
            "try a smaller --learning-rate; nothing was saved"
        ) from None
    except KeyboardInterrupt as interruption:
        raise _told(interruption, options.checkpoint) from None
    except ValueError as error:
        if not (options.resume or peers.several):
            raise
        raise UserError(str(error)) from None  # of another run, or damaged; or what several cannot train


def _constant(y: Array, peers: Peers) -> bool:
    first = peers.first(y[:1].tolist())
    return peers.all((y == first).all())


@contextmanager
def _cancelled_by_interrupt(trainer: Trainer, peers: Peers) -> Iterator[None]:
    """A fit of several processes, which Ctrl-C ends for all at the same step."""
    if not peers.several:
        yield
        return
    interrupted = []

    def cancel(*_: object) -> None:
        interrupted.append(True)
        trainer.cancel()

    before = signal.signal(signal.SIGINT, cancel)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if peers.any(interrupted):
        raise KeyboardInterrupt


def _told(interruption: KeyboardInterrupt, checkpoint: str | None) -> KeyboardInterrupt:
    """With what became of the training, if it has a checkpoint."""
    if checkpoint is None:
        return interruption
    said = list(getattr(interruption, "__notes__", ()))  # of a checkpoint that could not be written
    if Path(checkpoint).exists():
        said.append(f"--resume goes on from {checkpoint}")
    return KeyboardInterrupt("; ".join(said)) if said else interruption


def _lines(epochs: int, score: str, say: Lines) -> Callback:
    """A line for every epoch of a short training, for at most some twenty of a long one."""
    every = -(-epochs // _LINES)
    width = len(str(epochs))

    def show(state: EpochState) -> None:
        number = state.epoch + 1
        if number % every and number != epochs and number != 1:
            return
        line = f"epoch {number:>{width}}/{epochs}  loss {state.loss:.4f}"
        if state.validation_loss is not None:
            line += f"  validation loss {state.validation_loss:.4f}"
        if values := state.history.metrics.get("score"):
            line += f"  {score} {values[-1]:.4f}"
        say.beside_bar(line)

    return show
