"""The one process that trains what several would."""

from __future__ import annotations

from typing import Any


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
