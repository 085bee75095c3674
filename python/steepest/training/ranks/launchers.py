"""The processes that a launcher started, whether or not MPI knows of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

# What launchers set: MPICH, Intel MPI and Slurm's pmi2; Open MPI; MVAPICH; srun. Not SLURM_NTASKS, which the
# shell of a batch script has too.
_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")


def launched(environment: Mapping[str, str]) -> int:
    """How many processes were started together with this one; 1 without a launcher."""
    sizes = [environment.get(name, "") for name in _SIZES]
    return max((int(size) for size in sizes if size.isdecimal()), default=1)


def world(otherwise: str, alone: str) -> Any:
    """The communicator of all processes that were started.

    Parameters
    ----------
    otherwise, alone : str
        For the messages: what to do without MPI, and where each process is to train by itself.

    Raises
    ------
    ImportError
        If mpi4py or an MPI is missing.
    RuntimeError
        If MPI does not know of them: each would train on its own, and write the same file.
    """
    try:
        from mpi4py import MPI  # which initializes MPI
    except (ImportError, RuntimeError) as error:
        raise ImportError(
            f"several processes need mpi4py and an MPI: pip install 'steepest[mpi]', or {otherwise} ({error})"
        ) from error
    communicator, processes = MPI.COMM_WORLD, launched(os.environ)
    if communicator.Get_size() == 1 < processes:
        raise RuntimeError(
            f"{processes} processes were started, but MPI knows of one: start them with the mpiexec of the "
            f"MPI that mpi4py uses (or with srun --mpi=pmi2), or {alone}, so that each trains by itself"
        )
    return communicator
