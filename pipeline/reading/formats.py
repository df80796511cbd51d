"""From an extract to its tables, whatever its format and container.

What belongs here: choosing the reader. What does not: the readers.
"""

from collections.abc import Iterator
from contextlib import closing

from pipeline.reading import csv_rows, json_rows, xlsx_rows
from pipeline.reading.chunks import Sheet
from pipeline.reading.containers import parts
from pipeline.reading.landing import Extract


def tables(extract: Extract) -> Iterator[Sheet]:
    """The tables of an extract, one after the other: each is to be read to its end before the next is asked for."""
    source = extract.source
    for part in parts(extract):
        with closing(part.open()) as content:
            if source.formato == "xlsx":
                yield from xlsx_rows.sheets(source, part.name, content)
            elif source.formato == "csv":
                yield csv_rows.CsvFile(source, part.name, content)
            else:
                yield json_rows.JsonFile(source, part.name, content)
