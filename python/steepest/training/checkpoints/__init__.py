"""Checkpoints of a fit, from which another one goes on with the same bits."""

from .asked import Asked as Asked
from .asked import Begin as Begin
from .asked import asked as asked
from .checkpointing import Progress as Progress
from .every import USUAL as USUAL
from .state import load_state as load_state
from .state import state_of as state_of
