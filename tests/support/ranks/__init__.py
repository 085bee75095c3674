"""Starts programs in several processes, the ranks of an MPI communicator."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import pytest

_BESIDE = Path(sys.executable).with_name("mpiexec")  # of an MPI that pip installed
_LAUNCHER = str(_BESIDE) if _BESIDE.exists() else shutil.which("mpiexec")
needs_mpi = pytest.mark.skipif(
    find_spec("mpi4py") is None or _LAUNCHER is None, reason="no mpi4py or no mpiexec is installed"
)

# Open MPI refuses to run as root, and more ranks than cores; names of versions 4 and 5.
_PERMITTED = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
_PERMITTED |= {
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}

SETTING = """
import hashlib, os, signal, sys, threading, time
import numpy as np
import steepest as st
from mpi4py import MPI

comm = MPI.COMM_WORLD
rng = np.random.default_rng(0)
X = rng.standard_normal((1003, 20)).astype(np.float32)
y = (X @ rng.standard_normal((20, 5))).argmax(1)

def made(seed=3):
    return st.Sequential(st.Linear(20, 33), st.ReLU(), st.Dropout(0.1), st.Linear(33, 5), seed=seed)

def digest(model, *more):
    arrays = [*model.state_dict().values(), *map(np.array, more)]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()

def told(*values):
    '''Print what all ranks have, which must be one.'''
    every = comm.gather(values, root=0)
    if comm.rank == 0:
        assert all(one == every[0] for one in every), every
        print(*every[0])
"""


class One:
    """A communicator of one process, or of a part of some that are not there."""

    def __init__(self, size=1, rank=0):
        self.size, self.rank = size, rank

    def Get_rank(self):
        return self.rank

    def Get_size(self):
        return self.size

    def Allgather(self, own, all_of):
        all_of[...] = own

    def allgather(self, value):
        return [value]

    def bcast(self, value, root):
        return value

    def gather(self, value, root):
        return [value]

    Sendrecv = Abort = None


def started(ranks: int, code: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A program with samples and a model in so many processes."""
    return _started(ranks, ["-c", SETTING + textwrap.dedent(code), *arguments], environment)


def _started(ranks: int, program: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [_LAUNCHER, "-n", str(ranks), sys.executable, "-W", "error", *program],
        env=os.environ | _PERMITTED | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def launch(ranks: int, code: str, *arguments: str, **environment: str) -> tuple[int, str]:
    """Its exit status and what it printed; it must end by itself."""
    return _ended(started(ranks, code, *arguments, **environment))


def command(ranks: int, *arguments: str, **environment: str) -> tuple[int, str]:
    """The same of the command line; if it fails, what it says itself, and not the launcher."""
    status, output = _ended(started_command(ranks, *arguments, **environment))
    own = [line for line in output.splitlines() if not status or line.startswith("steepest: ")]
    return status, "\n".join(own)


def started_command(ranks: int, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """The command line in so many processes."""
    return _started(ranks, ["-m", "steepest", *arguments], environment)


def _ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        output, _ = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, output
