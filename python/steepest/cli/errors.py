"""What a command raises for a mistake of the user's."""

from __future__ import annotations


class UserError(Exception):
    """A mistake of the user's; its text is the one line that the command prints."""
