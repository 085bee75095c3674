"""The communicator of processes that a launcher started."""

from __future__ import annotations

from typing import Any

from ..errors import UserError


def world(count: int) -> Any:
    """The communicator of so many processes.

    Raises
    ------
    ImportError
        If mpi4py or an MPI is missing.
    UserError
        If MPI does not know of them: each would train all rows, and write the same file.
    """
    try:
        from mpi4py import MPI  # which initializes MPI
    except (ImportError, RuntimeError) as error:
        raise ImportError(
            "several processes train one model by mpi4py and an MPI: pip install 'steepest[mpi]', or give "
            f"--no-ranks, so that each trains by itself ({error})"
        ) from None
    communicator = MPI.COMM_WORLD
    if communicator.Get_size() == 1 < count:
        raise UserError(
            f"{count} processes were started, but MPI knows of one: start them with the mpiexec of the MPI "
            "that mpi4py uses, or give --no-ranks, so that each trains by itself"
        )
    return communicator


class One:
    """A communicator of one process, which needs no MPI."""

    def Get_rank(self) -> int:
        """The only one."""
        return 0

    def Get_size(self) -> int:
        """One."""
        return 1

    def Allgather(self, own: Any, all_of: Any) -> None:
        """Copy the numbers."""
        all_of[...] = own

    def allgather(self, value: Any) -> list[Any]:
        """The value."""
        return [value]

    def gather(self, value: Any, root: int) -> list[Any]:
        """The value."""
        return [value]

    def alltoall(self, values: list[Any]) -> list[Any]:
        """The values."""
        return values

    def bcast(self, value: Any, root: int) -> Any:
        """The value."""
        return value

    Sendrecv = Abort = None  # there is nobody else
