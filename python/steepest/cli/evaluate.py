"""``steepest evaluate``: how good a saved model is on a table with known answers."""

from __future__ import annotations

import json
from argparse import Namespace

from ..ensemble import Ensemble
from ..model import Sequential
from . import measures, pictures, sources, text
from .errors import UserError
from .judging import Answering
from .output import Lines, note, to_stdout, warn


def evaluate(options: Namespace) -> None:
    """Print the report on a table."""
    pictures.check(options.plot, options.force, options.model, options.file)
    model = sources.model(options.model)
    if isinstance(model, Sequential | Ensemble):
        raise UserError(f"{options.model}: was saved in Python, without the columns and labels of a table")
    if not model.target_names:
        raise UserError(f"{options.model}: was saved in Python, without the name of its target")
    answering = Answering.of(model)
    table = sources.table(options.file, options)
    for line in table.notes:
        note(line)
    answers = answering.judged(table, "all")
    if left_out := len(table) - len(answers.truth):
        warn(f"{left_out} of {len(table)} rows have no target and are left out")
    found = answers.measures()
    said = [*answering.warnings(table), *measures.warnings(found)]
    answers.draw(options, None)
    say = Lines(to_stdout)
    if options.json:
        say(json.dumps({"model": str(options.model), "file": table.name, "score": found, "warnings": said}))
    else:
        say(f"{table.name}: {len(answers.truth):,} rows")
        for line in text.report(found, "test"):
            say(line)
    for warning in said:
        warn(warning)
