"""Extracts → canonical petitions, rejected rows and the accounting of every row.

What belongs here: types, codes, row rules, duplicates, merges, legal terms and the person's pseudonym. What does not:
how files are read (`pipeline.reading`) and what may be published (`pipeline.privacy`).
"""

from pipeline.records.build import Records, build
from pipeline.records.calendar import cutoff

__all__ = ["Records", "build", "cutoff"]
