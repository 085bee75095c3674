"""Checkpoints of a fit, from which another one goes on with the same bits."""

from .asked import Asked as Asked
from .asked import Begin as Begin
from .asked import asked as asked
from .checkpointing import PARTS as PARTS
from .checkpointing import Checkpointing as Checkpointing
from .checkpointing import Progress as Progress
from .checkpointing import history_of as history_of
from .checkpointing import last_act as last_act
from .checkpointing import reading as reading
from .checkpointing import require_epochs as require_epochs
from .checkpointing import told_history as told_history
from .every import USUAL as USUAL
from .every import Every as Every
from .identity import ALL_OF_Y as ALL_OF_Y
from .identity import SPLIT_SEED as SPLIT_SEED
from .identity import data_of as data_of
from .identity import fingerprint as fingerprint
from .identity import named as named
from .identity import require_same as require_same
from .moment import FitMoment as FitMoment
from .state import load_state as load_state
from .state import state_of as state_of
