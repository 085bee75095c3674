"""Model files by coverage: what leads to new code in what reads them is changed further, again and again.

    cd tests
    pip install atheris
    python -m fuzz.coverage --seconds 3600

The first byte of an input chooses a file and the place in it that the rest stands in: the whole file, its
header, or one of the texts of JSON within, so that neither lengths nor checksums end a change at the door. An
error other than `ModelFileError`, an input of ten seconds, and 500 MB more end it with a traceback and
the name of a file that `python -m fuzz.coverage NAME` repeats.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["steepest.storage", "steepest.layers", "steepest.tables"]):
    import steepest as st

from .hostile_files import WRONG, changed, walk
from .model_files import in_place, layered, saved, table_ensemble, table_model

TOKENS = (
    "Linear", "Residual", "Maxout", "PiecewiseLinear", "FractionalMaxPool2d", "__metadata__", "steepest",
    "layers", "layer", "dtype", "shape", "data_offsets", "sha256", "F32", "F64", "[[", "]]", "{}", "null",
    "-1", "1e999", "NaN", "18446744073709551615", "true", ",",
)  # fmt: skip


def makers():
    """For each place of each file, the function that makes a file of what stands there, and what does now."""
    for content, places in (
        (saved(layered()), ("header", "description")),
        (saved(table_model()), ("description", "table")),
        (saved(table_ensemble()), ("description", "table", "estimator")),
    ):
        yield bytes, content
        for place in places:
            whole, made = in_place(content, place)
            yield lambda data, made=made: made(data.decode("utf-8", "replace")), json.dumps(whole).encode()


def mutated(data: bytes, most: int, seed: int) -> bytes:
    """Every other time a value of the JSON is replaced: a change of bytes seldom leaves one to be read."""
    draws = np.random.default_rng(seed)
    try:
        whole = json.loads(data[1:]) if draws.random() < 0.5 else None
    except ValueError:
        whole = None
    if whole is None:
        return atheris.Mutate(data, most)
    ways = [way for way, _ in walk(whole)]
    values = [*WRONG[:3], 0, -1, 2**40, 1e999, "", True]
    way, value = ways[draws.integers(len(ways))], values[draws.integers(len(values))]
    return (data[:1] + changed(whole, way, value).encode())[:most]


def main() -> None:
    """Run the engine, which ends the process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="0 for no end")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("repeat", nargs="*", help="files of inputs to run once each")
    asked = parser.parse_args()
    made = list(makers())
    folder = Path(tempfile.mkdtemp())
    corpus, path, words = folder / "corpus", folder / "model", folder / "words"
    corpus.mkdir()
    for place, (_, text) in enumerate(made):
        (corpus / str(place)).write_bytes(bytes([place]) + text)
    words.write_text("\n".join(json.dumps(token) for token in TOKENS))

    def read(data: bytes) -> None:
        if not data:
            return
        make, _ = made[data[0] % len(made)]
        path.write_bytes(make(data[1:]))
        try:
            st.load(path)
        except st.ModelFileError as error:
            assert str(error).startswith(str(path)) and str(error).isprintable(), ascii(error)

    most = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 + 500
    )  # a peak of the parent's counts too
    limits = [
        f"-max_total_time={asked.seconds}",
        "-timeout=10",
        f"-rss_limit_mb={most}",
        f"-seed={asked.seed}",
    ]
    engine = [f"-dict={words}", "-max_len=65536", "-verbosity=1", f"-artifact_prefix={Path.cwd()}/"]
    atheris.Setup(
        [sys.argv[0], *limits, *engine, *(asked.repeat or [str(corpus)])], read, custom_mutator=mutated
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
