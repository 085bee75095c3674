"""The commands: each takes the parsed options, prints its report, and raises `UserError` for mistakes."""

from __future__ import annotations

import csv
import io
import platform
import sys
import tempfile
from argparse import Namespace
from itertools import pairwise
from pathlib import Path

import numpy as np

from .. import _config, functional
from ..datasets import load_digits
from ..layers import ACTIVATIONS, Layer, Linear
from ..model import Sequential, load_with_metadata
from ..optimizers import SGD
from ..storage import ModelFileError
from ..storage.atomic import replacing
from ..training.callbacks import EpochState
from ..training.divergence import DivergenceError
from ..training.history import History
from ..training.trainer import Trainer
from .preparation import Preparation
from .tables import Floats, Table, Target, UserError, check_is_file, read_features, read_table
from .task import Task, make_task

# Defaults for standardized features and momentum 0.9. Hinge and squared error have the steeper slopes. No
# fit diverged with them on tables of 4 to 784 features with 0 to 3 hidden layers; four times the rates do.
LEARNING_RATES = {"softmax": 0.02, "hinge": 0.005, "squared_error": 0.0025}
_METADATA_KEY = "table"


def train(options: Namespace) -> None:
    """Train a network on a table, report on the held-out rows, and save it."""
    name = "digits" if options.data is None else options.data.name
    output = options.output or Path(Path(name).stem + ".safetensors")
    _check_output(output, options.data)
    if options.data is None and options.target is not None:
        raise UserError("--target needs DATA: the digits have no columns to choose from")
    table = _digits() if options.data is None else read_table(options.data, options.target)
    task = make_task(table, options.loss, options.test_fraction)
    try:
        model = _network(task, options)
        trainer = _trainer(model, options)
    except ValueError as error:  # a number that does not fit into float32, a layer that no memory holds
        raise UserError(str(error)) from None
    print(f"{name}: {task}")
    print(f"network: {_sizes(model)}; {options.loss} loss; {_config.current().backend} backend")
    history = _fit(trainer, task, options)
    print(f"\n{task.report(model(task.x_test))}")
    seconds = max(sum(history.seconds), 1e-9)
    print(f"trained in {seconds:.2f} s, {len(task.x_train) * history.epochs / seconds:,.0f} samples/s")
    _save(model, output, task.preparation)
    print(f"saved {output}")


def predict(options: Namespace) -> None:
    """Print one prediction for each row of a table."""
    if options.output is not None:
        _check_output(options.output, options.model, options.file)
    model, preparation = _load(options.model)
    if options.probabilities and (preparation is None or preparation.loss != "softmax"):
        trained = "in Python" if preparation is None else f"with the {preparation.loss} loss"
        raise UserError(f"--probabilities needs a network trained with the softmax loss, not {trained}")
    names = None if preparation is None else preparation.names
    features = read_features(options.file, names, model.in_features)
    lines: list[list[str]]
    if preparation is None:
        lines = [[answer] for answer in _bare_answers(model, options.file, features)]
    else:
        outputs = model(preparation.inputs(features))
        lines = [[answer] for answer in preparation.answers(outputs)]
        if options.probabilities:
            for line, row in zip(lines, functional.softmax(outputs).tolist(), strict=True):
                line += [f"{probability:.6g}" for probability in row]
            lines.insert(0, ["prediction", *(preparation.labels or ())])
    if options.output is None:
        # Row by row: a large single write to an unbuffered stdout that is closed early would not be an error.
        csv.writer(sys.stdout, lineterminator="\n").writerows(lines)
        return
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    with replacing(options.output) as file:
        file.write(text.getvalue().encode())


def info(options: Namespace) -> None:
    """Print what this installation is made of and what it would use."""
    facts = {"python": platform.python_version(), "numpy": np.__version__, "platform": platform.platform()}
    facts |= _config.build_info()
    width = max(map(len, facts))
    for key, value in facts.items():
        print(f"{key.replace('_', ' ') + ':':<{width + 1}} {_shown(value)}")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _digits() -> Table:
    features, target = load_digits()
    # Classes, whatever the loss: no numbers to fit a regression to.
    return Table(features.astype(np.float64), None, Target("digit", list(map(str, target.tolist())), None))


def _network(task: Task, options: Namespace) -> Sequential:
    sizes = (task.x_train.shape[1], *options.hidden)
    activation = ACTIVATIONS[options.activation]
    layers: list[Layer] = []
    for inputs, outputs in pairwise(sizes):
        layers += [Linear(inputs, outputs), activation()]
    return Sequential(*layers, Linear(sizes[-1], task.outputs), seed=options.seed)


def _sizes(model: Sequential) -> str:
    linear = [layer for layer in model.layers if isinstance(layer, Linear)]
    return "-".join(str(size) for size in (model.in_features, *(layer.out_features for layer in linear)))


def _trainer(model: Sequential, options: Namespace) -> Trainer:
    rate = options.learning_rate or LEARNING_RATES[options.loss]
    return Trainer(model, options.loss, SGD(rate, options.momentum), options.penalty)


def _fit(trainer: Trainer, task: Task, options: Namespace) -> History:
    from tqdm import tqdm  # its `write` keeps lines and bar apart

    model = trainer.model

    def show(state: EpochState) -> None:
        number = f"{state.epoch + 1:>{len(str(options.epochs))}}/{options.epochs}"
        tqdm.write(
            f"epoch {number}  loss {state.loss:.4f}  {task.score(model(task.x_test))}", file=sys.stdout
        )

    try:
        return trainer.fit(
            task.x_train,
            task.y_train,
            epochs=options.epochs,
            batch_size=options.batch_size,
            callbacks=() if options.quiet else (show,),
            progress=not options.quiet,
        )
    except DivergenceError as error:
        epoch = "" if error.epoch is None else f" in epoch {error.epoch + 1}"
        raise UserError(
            f"the loss stopped being finite{epoch} with learning rate {trainer.optimizer.learning_rate:g}: "
            "try a smaller --learning-rate; nothing was saved"
        ) from None


def _save(model: Sequential, path: Path, preparation: Preparation) -> None:
    try:
        model.save(path, metadata={_METADATA_KEY: preparation.to_json()})
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


def _load(path: Path) -> tuple[Sequential, Preparation | None]:
    """A model, and what `train` put beside it: nothing if the model was saved in Python."""
    if path.is_dir():
        raise UserError(f"{path}: is not a file")
    check_is_file(path)
    try:
        model, metadata = load_with_metadata(path)
    except ModelFileError as error:
        raise UserError(str(error)) from None
    if _METADATA_KEY not in metadata:
        return model, None
    try:
        return model, Preparation.from_json(metadata[_METADATA_KEY], model.in_features, model.out_features)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise UserError(f"{path}: its description of the table is damaged: {error}") from None


def _bare_answers(model: Sequential, path: Path, features: Floats) -> list[str]:
    """Of a model without labels and units: the index of the class, or the output if it has one only."""
    try:
        outputs = model(features)
    except ValueError as error:  # a number too large for the model's dtype
        raise UserError(f"{path}: {error}") from None
    if model.out_features == 1:
        return [repr(value) for value in outputs[:, 0].tolist()]
    return [str(index) for index in outputs.argmax(axis=1).tolist()]


def _check_output(path: Path, *inputs: Path | None) -> None:
    """Refuse, before any work, a path that cannot be written, and one that would destroy an input."""
    folder = path.resolve().parent
    if not folder.is_dir():
        raise UserError(f"{path}: the folder {folder} does not exist")
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: exists and is not a file")
    for source in inputs:
        if source is not None and source.exists() and path.exists() and path.samefile(source):
            raise UserError(f"{path}: is the input too; give another --output")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(f"{path}: the folder {folder} cannot be written: {error.strerror}") from None
