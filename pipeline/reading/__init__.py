"""Any extract → text rows, every row accounted for.

What belongs here: files, encodings, headers, the mapping of columns onto canonical text fields. What does not: types,
codes and laws (`pipeline.records`). Nothing is guessed: what cannot be read stops the load or marks the row.
"""

from pipeline.reading.errors import NothingToRead, ReadingError
from pipeline.reading.load import FileRead, ReadSummary, load

__all__ = ["FileRead", "NothingToRead", "ReadSummary", "ReadingError", "load"]
