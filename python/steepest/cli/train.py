"""``steepest train``: a table, a network that learned it, and how good that is on rows it never saw."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from .. import _config
from .._version import __version__
from . import measures, network, pictures, saving, sources, splits, text
from .errors import UserError
from .learning import Learned, made
from .output import STANDARD, Lines, check_output, note, silent, to_stderr, to_stdout, warn
from .run import Run


def train(options: Namespace) -> None:
    """Train a network on a table, report on the held-out rows, and save it."""
    output = options.output or Path(sources.stem(options.data) + ".safetensors")
    _check(options, output)
    say = _lines(options, output)
    table = sources.training_table(options)
    plan = sources.plan(table, options)
    if options.cv and options.cv > len(plan.rows):
        raise UserError(f"--cv {options.cv}: there are {len(plan.rows)} rows, but each fold needs one")
    made(plan.task, 1, plan.outputs, plan.groups[plan.rows], options)  # what it refuses, before any line
    say(f"{table.name}: {plan.describe()}")
    notes = [*table.notes, *plan.notes]
    for line in notes:
        note(line)
    other = None if options.validation is None else sources.table(options.validation, options)
    run = Run(plan.table, plan, other, options, say)
    folds = run.cross_validated(plan.rows) if options.cv else None
    stay, test = splits.held_out(plan.groups, plan.rows, 0.0 if options.cv else options.test_fraction)
    trained = run.trained(stay)
    say()
    judged = folds.judged if folds else trained.judged(test)
    found = judged.measures()
    said = [*trained.learned.warnings, *measures.warnings(found)]
    document = {
        "steepest": __version__,
        "data": {"file": table.name, "rows": len(plan.rows), "features": trained.preparation.names},
        "task": {"kind": plan.task, "targets": list(trained.preparation.targets)},
        "notes": notes,
        "network": _network(trained.learned, str(trained.preparation.loss), options),
        "training": trained.described(),
        "judged": judged.name,
        **({"folds": folds.scores} if folds else {}),
        "score": found,
        "warnings": said,
        "model": str(output),
    }
    for line in [*(folds.lines() if folds else ()), *text.report(found, judged.name)]:
        say(line)
    for warning in said:
        warn(warning)
    judged.draw(options, trained.learned.history)
    saving.save(trained, document, output)
    say(f"\n{trained.summary()}")
    say(f"saved {output}")
    if options.json:
        Lines(to_stdout)(json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False))


def _check(options: Namespace, output: Path) -> None:
    """Refuse, before any work, what could not be written at its end."""
    if output == STANDARD and options.json:
        raise UserError("--output - and --json both need the standard output: give one of them a file")
    sources.check_table(options.data)
    check_output(output, options.force, options.data, options.validation)
    pictures.check(options.plot, options.force, options.data, options.validation)
    if options.plot is not None and options.plot == output:
        raise UserError(f"--plot and --output are the same file, {output}")


def _lines(options: Namespace, output: Path) -> Lines:
    if options.json:
        return Lines(silent)
    return Lines(to_stderr if output == STANDARD else to_stdout)


def _network(learned: Learned, loss: str, options: Namespace) -> dict[str, Any]:
    return {
        "sizes": network.sizes(learned.model),
        "layers": [repr(layer) for layer in learned.model.layers],
        "loss": loss,
        "optimizer": repr(learned.optimizer),
        "backend": _config.current().backend,
        "seed": options.seed,
    }
