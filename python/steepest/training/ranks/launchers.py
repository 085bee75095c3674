"""How many processes a launcher started, whether or not MPI knows of them."""

from __future__ import annotations

from collections.abc import Mapping

# What launchers set: MPICH, Intel MPI and Slurm's pmi2; Open MPI; MVAPICH; srun. Not SLURM_NTASKS, which the
# shell of a batch script has too.
_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")


def launched(environment: Mapping[str, str]) -> int:
    """How many processes were started together with this one; 1 without a launcher."""
    sizes = [environment.get(name, "") for name in _SIZES]
    return max((int(size) for size in sizes if size.isdecimal()), default=1)
