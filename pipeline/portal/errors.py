"""Why publishing stopped: each error says at which step and why, naming files, fields and rules, never values.

What belongs here: the errors that every portal raises. What does not: deciding whether to try again.
"""

from pipeline.errors import PqrsdError, TemporaryError


class PortalError(PqrsdError):
    """A release was not published, or not withdrawn; what to do next is in the message."""


class PortalUnavailable(PortalError, TemporaryError):
    """The portal does not answer, or answers that it cannot now: the same act may succeed later."""


class PortalConflict(PortalError):
    """Somebody else changed what is public between looking and switching; look again before anything is written."""
