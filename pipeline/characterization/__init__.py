"""Characterisation: which variables are counted, what is measured on the published cells, and what is recommended.

What belongs here: candidate tables for the door, and everything computed from what the door let through. What does
not: deciding what may be published (`pipeline.privacy`) and drawing or writing it (`pipeline.reporting`).
"""

from pipeline.characterization.annual import annual, semesters_in
from pipeline.characterization.candidates import candidates
from pipeline.characterization.indicators import indicators
from pipeline.characterization.recommendations import Recommendation, assess, recommendations
from pipeline.characterization.segments import segments
from pipeline.characterization.variables import check, sensitive_tables

__all__ = [
    "Recommendation",
    "annual",
    "assess",
    "candidates",
    "check",
    "indicators",
    "recommendations",
    "segments",
    "semesters_in",
    "sensitive_tables",
]
