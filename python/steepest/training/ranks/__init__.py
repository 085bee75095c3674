"""One fit by several processes, the ranks of an MPI communicator, each with samples of its own."""

from .divided import divided as divided
from .launchers import launched as launched
from .launchers import world as world
from .ranks import ALONE as ALONE
from .ranks import Ranks as Ranks
from .ranks import ranks_of as ranks_of
from .ranks import rows_of as rows_of
from .stepping import Stepping as Stepping
