"""Charts and reports over the open tables: what an official or a citizen reads.

What belongs here: drawing, wording and laying out published figures. What does not: computing indicators
(`pipeline.characterization`), deciding what may be shown (`pipeline.privacy`), and any restricted table.
"""

from pipeline.errors import PqrsdError


class ReportError(PqrsdError):
    """A report that MM-GAC-P-008 would not accept: without recommendations, or with one that cites no figure."""
