"""Files of `to_c`, compiled and called; without a C compiler, the tests that ask for one are skipped."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from dataclasses import dataclass

import numpy as np
import pytest

import steepest as st

compiler = shutil.which("cc")
needs_compiler = pytest.mark.skipif(compiler is None, reason="there is no C compiler")
STRICT = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]


@dataclass
class Compiled:
    """The functions of a file, for rows."""

    library: ctypes.CDLL
    model: st.Sequential
    prefix: str = "model"

    def rows(self, function, x, columns):
        made = np.full((len(x), columns), np.nan, self.model.dtype)
        call = getattr(self.library, f"{self.prefix}_{function}")
        for row, own in zip(np.ascontiguousarray(x, self.model.dtype), made, strict=True):
            call(row.ctypes.data_as(ctypes.c_void_p), own.ctypes.data_as(ctypes.c_void_p))
        return made

    def scores(self, x):
        return self.rows("scores", x, self.model.out_features)

    def classes(self, x):
        call = getattr(self.library, f"{self.prefix}_class")
        x = np.ascontiguousarray(x, self.model.dtype)
        return [call(row.ctypes.data_as(ctypes.c_void_p)) for row in x]


def compiled(model, folder, flags=STRICT, **settings):
    source, library = folder / "model.c", folder / f"model{len(list(folder.iterdir()))}.so"
    st.to_c(model, source, **settings)
    return Compiled(built(source, library, flags), model, settings.get("name", "model"))


def built(source, library, flags=STRICT):
    subprocess.run([compiler, *flags, "-shared", "-fPIC", "-o", library, source, "-lm"], check=True)
    return ctypes.CDLL(str(library))


def knows(flag, folder):
    """Whether the compiler takes a flag."""
    (folder / "empty.c").write_text("int nothing;\n")
    how = [compiler, flag, "-c", folder / "empty.c", "-o", folder / "empty.o"]
    return subprocess.run(how, capture_output=True, check=False).returncode == 0
