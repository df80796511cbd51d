"""Why an extract cannot be read: each error stops the whole period and names file and place, never a cell.

What belongs here: the errors of reading. What does not: defects of one row, which are recorded with the row.
"""

from pipeline.errors import PqrsdError


class ReadingError(PqrsdError):
    """The landing folder cannot be read as the profile says."""


class NothingToRead(ReadingError):
    """The landing folder of the period is absent or holds no extract."""

    def __init__(self, period: str) -> None:
        super().__init__(f"{period}: no hay extractos en la carpeta de aterrizaje.")


class UnknownFileError(ReadingError):
    """A file of the landing folder belongs to no source of the profile, or to several."""


class HeaderError(ReadingError):
    """The columns of a file are not the ones the profile declares."""


class UndecodableError(ReadingError):
    """A file's bytes are not text in the declared encoding."""


class BrokenFileError(ReadingError):
    """A file is damaged, truncated, or not of the declared format."""
