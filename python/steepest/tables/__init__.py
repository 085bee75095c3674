"""Tables as they are: read, turned into a network's inputs, and its outputs into answers."""

from .ensemble import TableEnsemble
from .model import METADATA_KEY as METADATA_KEY
from .model import TableModel, load
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

__all__ = ["TableEnsemble", "TableError", "TableModel", "load"]
