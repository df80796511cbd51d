"""Reading a CSV some rows at a time gives the same rows, and refuses the same files, as reading it whole."""

import itertools
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.release import data
from pipeline.release.inputs import ReleaseError

HEADER = "a,b\n"


@given(st.lists(st.integers(0, 7), max_size=12), st.integers(1, 6))
def test_regrouping_keeps_rows_and_order_and_fills_every_table_but_the_last(sizes: list[int], rows: int) -> None:
    count = itertools.count()
    batches = [pa.record_batch({"n": list(itertools.islice(count, size))}) for size in sizes]
    found = list(data.regrouped([b.cast(pa.schema({"n": pa.int64()})) for b in batches], rows))
    assert [n for table in found for n in table["n"].to_pylist()] == list(range(sum(sizes)))
    assert [table.num_rows for table in found[:-1]] == [rows] * len(found[:-1])
    assert all(0 < table.num_rows <= rows for table in found[-1:])


@given(
    st.lists(st.tuples(st.text('ab ,"\n', max_size=3), st.sampled_from(["", "1", "x"])), max_size=9),
    st.integers(1, 4),
)
def test_blocks_hold_what_the_whole_file_holds(rows: list[tuple[str, str]], size: int) -> None:
    quoted = ['"{}",{}\n'.format(a.replace('"', '""'), b) for a, b in rows]
    raw = (HEADER + "".join(quoted)).encode()
    found = [row for block in data.blocks(raw, size) for row in block.to_pylist()]
    assert found == data.read_csv(raw).to_pylist()


def test_a_file_larger_than_the_reader_takes_at_once_comes_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "grande.csv"
    path.write_text(HEADER + "".join(f"{n},{'x' * 200}\n" for n in range(20_000)), encoding="utf-8")
    blocks = list(data.blocks(path, 7_000))
    assert [b.num_rows for b in blocks] == [7_000, 7_000, 6_000]
    assert pa.concat_tables(blocks).equals(data.read_csv(path.read_bytes()))


@pytest.mark.parametrize("raw", [b"", b"a,b\n1,2\n3\n", b"a,b\n1,2\n" * 2 + b"\xff\xfe,3\n", b"a,b\n1,2,3\n"])
def test_what_cannot_be_read_whole_cannot_be_read_in_blocks(raw: bytes) -> None:
    with pytest.raises(ReleaseError):
        data.read_csv(raw)
    with pytest.raises(ReleaseError, match="no se puede leer"):
        list(data.blocks(raw, 2))
