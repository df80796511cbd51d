"""The Adult yardstick, read in place: its table, its hierarchies and the golden configurations.

What belongs here: reading those files by `PQRSD_CASES` and saying why a test is skipped without them. What does not:
any copy of them.
"""

import csv
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from pipeline.privacy import grouped
from pipeline.privacy.grouped import Grouped

COLUMNS = (
    "sex", "age", "race", "marital-status", "education", "native-country", "workclass", "occupation", "salary-class",
)  # fmt: skip
_CASES = os.environ.get("PQRSD_CASES")
FOLDER = Path(_CASES or "") / "adult"
needs_adult = pytest.mark.skipif(
    not _CASES, reason="PQRSD_CASES is not set: the Adult files are read in place, never copied"
)


@cache
def table() -> pa.Table:
    options = pa_csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()))
    return pa_csv.read_csv(
        FOLDER / "adult.csv", parse_options=pa_csv.ParseOptions(delimiter=";"), convert_options=options
    )


@cache
def hierarchy(name: str) -> Sequence[Sequence[str]]:
    with (FOLDER / f"adult_hierarchy_{name}.csv").open(encoding="utf-8", newline="") as lines:
        return [row for row in csv.reader(lines, delimiter=";") if row]


@cache
def data(sensitive: str | None = None) -> Grouped:
    """Grouped over all columns, the sensitive one apart."""
    trees = {name: hierarchy(name) for name in COLUMNS if name != sensitive}
    return grouped.group(table(), trees, None, {sensitive: False} if sensitive else None)


def golden() -> list[dict[str, str]]:
    if not _CASES:
        return []
    with (FOLDER / "golden_adult.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def spec(unit: str = "rows", limit: float = 0.0, k: int = 5) -> str:
    """The text of a SPEC.yaml over all nine columns."""
    columns = "\n".join(f"  {n}: {{hierarchy: {FOLDER}/adult_hierarchy_{n}.csv}}" for n in COLUMNS)
    return (
        f'data: {FOLDER}/adult.csv\ndelimiter: ";"\nquasi_identifiers:\n{columns}\nk: {k}\n'
        f"suppression: {{unit: {unit}, limit: {limit}}}\n"
    )
