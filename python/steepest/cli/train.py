"""``steepest train``: a table, a model that learned it, and how good that is on rows it never saw."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

from .._version import __version__
from ..storage.checkpoint import begins_as_one, check_replaceable, previous
from ..tables import Peers, Plan
from . import measures, pictures, ranks, saving, sources, splits, tabular, text
from .errors import UserError
from .judging import Judged
from .learning import made
from .options import settle
from .output import STANDARD, Lines, check_output, note, silent, to_stderr, to_stdout, warn
from .run import Folds, Run, Trained
from .tabular import TabularRun

_LARGE = 512  # rows: a batch whose gradient takes longer than its exchange, on one machine


def train(options: Namespace) -> None:
    """Train a model on a table, report on the held-out rows, and save it."""
    with ranks.joined(options) as peers:
        _train(options, peers)


def _train(options: Namespace, peers: Peers) -> None:
    settle(options)
    output = options.output or Path(sources.stem(options.data) + ".safetensors")
    if peers.leads:
        _check(options, output)
    say = _lines(options, output, peers)
    plan = sources.plan(sources.training_table(options, peers), options)
    if options.cv and options.cv > plan.samples:
        raise UserError(f"--cv {options.cv}: there are {plan.samples} rows, but each fold needs one")
    if options.model == "tabular":
        tabular.check(plan, options)
    else:  # what it refuses, before any line
        made(plan.task, 1, plan.outputs, plan.groups[plan.rows], options, peers)
    processes = peers.shards // len(peers.own)
    say(f"{plan.table.name}: {plan.describe()}{f'; {processes} processes' if processes > 1 else ''}")
    for line in [*plan.table.notes, *plan.notes, *_slow(options, processes)] if peers.leads else ():
        note(line)
    other = None if options.validation is None else sources.table(options.validation, options, peers=peers)
    run = (TabularRun if options.model == "tabular" else Run)(plan.table, plan, other, options, say)
    folds = run.cross_validated(plan.rows) if options.cv else None
    fraction = 0.0 if options.cv else options.test_fraction
    stay, test = splits.held_out(plan.groups, plan.rows, fraction, peers)
    trained = run.trained(stay)
    say()
    judged = folds.judged if folds else trained.judged(test)
    if peers.leads:
        _report(options, output, say, plan, trained, judged, folds)


def _slow(options: Namespace, processes: int) -> list[str]:
    """What a user should know of several processes, which exchange something in each batch."""
    if processes == 1 or options.batch_size >= _LARGE:
        return []
    return [
        f"{processes} processes exchange every batch of {options.batch_size} rows: --batch-size {_LARGE}, or "
        "one process without mpiexec, is usually faster"
    ]


def _report(
    options: Namespace,
    output: Path,
    say: Lines,
    plan: Plan,
    trained: Trained,
    judged: Judged,
    folds: Folds | None,
) -> None:
    """Say how good it is, and save it."""
    table, found = plan.table, judged.measures()
    said = [*trained.warnings, *measures.warnings(found)]
    document = {
        "steepest": __version__,
        "data": {"file": table.name, "rows": plan.samples, "features": list(plan.kinds)},
        "task": {"kind": plan.task, "targets": list(plan.targets)},
        "notes": [*table.notes, *plan.notes],
        "network": trained.network(options),
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
    judged.draw(options, trained.history)
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
    # What a resumed training replaces is the model of the same training, if it had ended.
    resumes = options.resume and options.checkpoint is not None and Path(options.checkpoint).exists()
    check_output(output, options.force or resumes, options.data, options.validation)
    pictures.check(options.plot, options.force, options.data, options.validation)
    if options.plot is not None and options.plot == output:
        raise UserError(f"--plot and --output are the same file, {output}")
    _check_checkpoint(options, output)


def _check_checkpoint(options: Namespace, output: Path) -> None:
    if options.checkpoint is None:
        return
    if Path(options.checkpoint) == output:
        raise UserError(f"--checkpoint and --output are the same file, {output}")
    if options.resume and begins_as_one(previous(options.checkpoint)):
        return  # from which the training goes on, if the last one is damaged; it finds out
    try:
        check_replaceable(options.checkpoint)
    except ValueError as error:
        raise UserError(f"--checkpoint: {error}") from None


def _lines(options: Namespace, output: Path, peers: Peers) -> Lines:
    if options.json or not peers.leads:
        return Lines(silent)
    return Lines(to_stderr if output == STANDARD else to_stdout)
