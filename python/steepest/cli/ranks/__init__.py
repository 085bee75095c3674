"""One training by several processes, which mpiexec or srun started."""

from .joined import joined as joined
