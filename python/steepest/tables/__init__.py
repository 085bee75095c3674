"""Tables as they are: read, turned into a network's inputs, and its outputs into answers."""

from .divided import known_rebalanced as known_rebalanced
from .divided import own_rows as own_rows
from .divided import read_own as read_own
from .divided import rebalanced as rebalanced
from .ensemble import TableEnsemble
from .model import METADATA_KEY as METADATA_KEY
from .model import TableModel
from .peers import ALONE as ALONE
from .peers import Elsewhere as Elsewhere
from .peers import Peers as Peers
from .peers import RankedPeers as RankedPeers
from .plan import Plan as Plan
from .plan import choose as choose
from .preparation import Preparation as Preparation
from .reading import digits as digits
from .reading import read as read
from .sniff import ReadOptions as ReadOptions
from .table import Table as Table
from .table import TableError
from .table import numbers as numbers
from .table import text_of as text_of

__all__ = ["TableEnsemble", "TableError", "TableModel"]
