"""Any extract becomes text rows, every record accounted for, or the whole load stops."""

import gzip
import hashlib
import traceback

import duckdb
import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import reading
from pipeline.errors import PqrsdError, ProfileError
from pipeline.reading.errors import BrokenFileError, HeaderError, UndecodableError, UnknownFileError
from pipeline.sources import SourceColumn
from schemas.extracts import EXTRACTS, FIELDS
from tests.small_extracts import memory, petition, read, source, town, write_rows

CANARY = "CANARIO-7731"


def small(**changes):
    """A source with three columns: «número», «fecha», «clase»."""
    columns = {
        "radicado": SourceColumn(columna="número"),
        "fecha_recepcion": SourceColumn(columna="fecha"),
        "tipo": SourceColumn(columna="clase"),
    }
    return source(**({"columnas": columns} | changes))


def put(folder, content, name="prueba_1.csv"):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def cells(frame, *columns):
    return [tuple(None if pd.isna(v) else v for v in row) for row in frame[list(columns)].itertuples(index=False)]


def everything_said(error):
    return str(error) + repr(error) + "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("cp1252", "cp1252"),
        ("latin-1", "latin-1"),
        ("utf-16", "utf-16"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings_delimiters_and_line_ends_give_the_same_rows(tmp_path, encoding, declared, delimiter, newline):
    lines = [["número", "fecha", "clase"], ["1", "2025-01-02", "Petición"], ["2", "", "Felicitación ñ"]]
    put(tmp_path, newline.join(delimiter.join(line) for line in lines).encode(encoding))
    rows = read(tmp_path, small(codificacion=declared, delimitador=delimiter))
    assert cells(rows, "fila", "radicado", "fecha_recepcion", "tipo") == [
        (2, "1", "2025-01-02", "Petición"),
        (3, "2", None, "Felicitación ñ"),
    ]


def test_cp1252_is_not_latin_1(tmp_path):
    put(tmp_path, "número,fecha,clase\n1,,€ “x”\n".encode("cp1252"))
    assert cells(read(tmp_path, small(codificacion="cp1252")), "tipo") == [("€ “x”",)]


def test_a_quoted_cell_keeps_its_delimiters_quotes_and_line_ends(tmp_path):
    put(tmp_path, 'número,fecha,clase\r\n1,,"una, ""dos""\ny tres"\r\n2,,fin\r\n')
    assert cells(read(tmp_path, small()), "fila", "tipo") == [(2, 'una, "dos"\ny tres'), (3, "fin")]


def test_records_are_numbered_as_a_spreadsheet_does_not_by_physical_line(tmp_path):
    put(tmp_path, 'número,fecha,clase\n1,,"a\nb\nc"\n\n2,,x\n,,\n3,,y\n')
    assert cells(read(tmp_path, small()), "fila", "radicado") == [(2, "1"), (4, "2"), (6, "3")]


def test_a_record_of_the_wrong_width_is_a_defect_without_any_guessed_value(tmp_path):
    put(tmp_path, "número,fecha,clase\n1,2025-01-01,queja,demás\n2,2025-01-02\n3,2025-01-03,queja\n")
    rows = read(tmp_path, small(constantes={"canal": "web"}))
    assert cells(rows, "fila", "defecto_lectura", "radicado", "fecha_recepcion", "tipo", "canal") == [
        (2, "columnas_de_mas", None, None, None, None),
        (3, "columnas_de_menos", None, None, None, None),
        (4, None, "3", "2025-01-03", "queja", "web"),
    ]


def test_rows_keep_their_numbers_around_defects_over_many_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.reading.csv_rows._BLOCK", 64)
    lines = [f"{n},,x" if n % 7 else f"{n},x" for n in range(2, 202)]
    rows = read(put(tmp_path, "número,fecha,clase\n" + "\n".join(lines)), small())
    assert list(rows.fila) == list(range(2, 202))
    whole = rows[rows.defecto_lectura.isna()]
    assert list(whole.radicado.astype(int)) == list(whole.fila)


LETTERS = st.characters(codec="utf-8", exclude_categories=("Cc",)) | st.sampled_from("\n\t")


@given(st.lists(st.lists(st.text(LETTERS, max_size=8), min_size=1, max_size=5), max_size=12))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_record_that_is_written_is_read_or_is_a_defect(tmp_path, records):
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in record) for record in records]
    put(tmp_path, "\n".join(["número,fecha,clase", *quoted]) + "\n")
    rows = read(tmp_path, small())
    expected = {}
    for fila, record in enumerate(records, start=2):
        kept = [cell if cell.strip() else None for cell in record]
        if len(record) == 3 and any(cell for cell in record):
            expected[fila] = (None, *kept)
        elif len(record) != 3:
            expected[fila] = ("columnas_de_mas" if len(record) > 3 else "columnas_de_menos", None, None, None)
    found = {r[0]: r[1:] for r in cells(rows, "fila", "defecto_lectura", "radicado", "fecha_recepcion", "tipo")}
    assert found == expected


def test_the_title_rows_above_the_header_are_skipped(tmp_path):
    put(tmp_path, "Informe;;;\n\nnúmero;fecha;clase\n1;;queja\n")
    assert cells(read(tmp_path, small(delimitador=";", fila_encabezado=3)), "fila", "radicado") == [(4, "1")]


def test_a_type_hidden_behind_a_series_number_is_extracted_and_translated(tmp_path):
    put(tmp_path, "número,fecha,clase\n1,,76.2. Quejas\n2,,76.5.  Solicitudes\n3,,72. Otra serie\n4,,\n")
    hidden = {
        "radicado": SourceColumn(columna="número"),
        "tipo": SourceColumn(columna="clase", extraer=r"^76\.(\d)", codigos={"2": "queja", "5": "informacion"}),
        "anonima": SourceColumn(columna="fecha", codigos={"ANÓNIMO": "si"}, otro="no"),
        "asunto": SourceColumn(columna="clase"),
    }
    rows = read(tmp_path, small(columnas=hidden))
    assert cells(rows, "tipo", "asunto") == [
        ("queja", "76.2. Quejas"),
        ("informacion", "76.5.  Solicitudes"),
        ("72. Otra serie", "72. Otra serie"),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("written", "read_as"), [("Anónimo", "si"), (" anonimo ", "si"), ("Funcionaria 3", "no"), ("", None)]
)
def test_codes_are_found_in_any_spelling_and_the_rest_is_the_declared_other(tmp_path, written, read_as):
    put(tmp_path, f"número,fecha,clase\n1,,{written}\n")
    columns = {
        "radicado": SourceColumn(columna="número"),
        "fecha_recepcion": SourceColumn(columna="fecha"),
        "anonima": SourceColumn(columna="clase", codigos={"ANÓNIMO": "si"}, otro="no"),
    }
    assert cells(read(tmp_path, small(columnas=columns)), "anonima") == [(read_as,)]


def test_each_row_says_its_file_its_fingerprint_and_its_mechanism(tmp_path):
    put(tmp_path, "número,fecha,clase\n1,,queja\n")
    row = read(tmp_path, small()).iloc[0]
    assert (row.periodo, row.fuente, row.mecanismo, row.archivo) == ("2025-S1", "prueba", "pqrsdf", "prueba_1.csv")
    assert row.archivo_sha256 == hashlib.sha256((tmp_path / "prueba_1.csv").read_bytes()).hexdigest()


def test_a_compressed_extract_is_read_as_it_is(tmp_path):
    put(tmp_path, gzip.compress("número,fecha,clase\n1,,queja\n".encode()), "prueba_1.csv.gz")
    assert cells(read(tmp_path, small(archivos="prueba_*.csv.gz")), "radicado") == [("1",)]
    whole = (tmp_path / "prueba_1.csv.gz").read_bytes()
    put(tmp_path, whole[:-9], "prueba_1.csv.gz")
    with pytest.raises(BrokenFileError, match=r"prueba_1\.csv\.gz"):
        read(tmp_path, small(archivos="prueba_*.csv.gz"))


def test_credit_data_reach_no_table(tmp_path):
    put(tmp_path, f"número,fecha,clase,SALDO\n1,,queja,{CANARY}\n")
    rows = read(tmp_path, small(descartadas={"SALDO": "Ley 1266 de 2008"}))
    assert len(rows) == 1
    assert not rows.astype(str).apply(lambda column: column.str.contains(CANARY)).any().any()


def test_the_summary_counts_every_row_of_every_file(tmp_path):
    put(tmp_path, "número,fecha,clase\n1,,queja\nroto\n")
    put(tmp_path, "número,fecha,clase\n", "prueba_2.csv")
    put(tmp_path, "{}", "truth.json")
    put(tmp_path, "x", ".oculto")
    summary = reading.load(town(small()), tmp_path, "2025-S1", memory())
    assert summary.files == [("prueba", "prueba_1.csv", 2), ("prueba", "prueba_2.csv", 0)]


def test_an_empty_or_absent_folder_is_nothing_to_read(tmp_path):
    for folder in (tmp_path, tmp_path / "no"):
        with pytest.raises(reading.NothingToRead, match="2025-S1"):
            read(folder)


@pytest.mark.parametrize("position", [0, 5, 3_000_000])
def test_undecodable_bytes_stop_the_load_naming_file_and_byte_only(tmp_path, position):
    head = "número,fecha,clase\n".encode()
    body = (f"1,,{CANARY}\n".encode() * 200_000)[:position] + b"\xff\xfe" + f",,{CANARY}\n".encode()
    put(tmp_path, head + body)
    with pytest.raises(UndecodableError) as caught:
        read(tmp_path, small())
    at = len(head) + position
    line = (head + body)[:at].count(b"\n") + 1
    assert f"prueba_1.csv: el byte {at} (línea {line}) " in str(caught.value)
    assert CANARY not in everything_said(caught.value)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-8"])
def test_the_position_of_a_bad_byte_counts_the_byte_order_mark(tmp_path, codec):
    text = "número,fecha,clase\n1,,".encode(codec)
    put(tmp_path, text + b"\x81\n")
    with pytest.raises(UndecodableError, match=f"el byte {len(text)} "):
        read(tmp_path, small())


def test_a_renamed_column_stops_the_load_naming_both(tmp_path):
    put(tmp_path, f"número,fecha,tipología\n1,,{CANARY}\n")
    with pytest.raises(HeaderError) as caught:
        read(tmp_path, small())
    assert "faltan: «clase»" in str(caught.value)
    assert "no está en el perfil la columna: 3 (C)" in str(caught.value)
    assert CANARY not in everything_said(caught.value)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("número,fecha,clase,extra", r"no está en el perfil la columna: 4 \(D\)"),
        ("número,fecha", "faltan: «clase»"),
        ("número,fecha,clase,clase", "están repetidas: «clase»"),
        ("número,fecha,clase,", r"no está en el perfil la columna: 4 \(D\)"),
    ],
)
def test_every_column_must_be_mapped_discarded_or_ignored(tmp_path, header, message):
    with pytest.raises(HeaderError, match=message):
        read(put(tmp_path, header + "\n"), small())


def test_data_where_the_header_should_be_are_not_quoted(tmp_path):
    put(tmp_path, f"{CANARY},2025-01-01,queja\n")
    with pytest.raises(HeaderError, match="no es el encabezado") as caught:
        read(tmp_path, small())
    assert CANARY not in everything_said(caught.value)


@pytest.mark.parametrize("last", ["", "2,,queja\n"])
@pytest.mark.parametrize("opening", [f'"{CANARY},,queja', f'1,,"{CANARY}'])
def test_quotes_that_nobody_closes_stop_the_load(tmp_path, opening, last):
    put(tmp_path, f"número,fecha,clase\n{opening}\n{last}")
    with pytest.raises(BrokenFileError, match="comillas") as caught:
        read(tmp_path, small())
    assert CANARY not in everything_said(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "vacío"),
        ("<!DOCTYPE html><html>no encontrado</html>", "página web"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", "Git LFS"),
        (b"PK\x03\x04zip", "dañado"),
    ],
)
def test_what_is_not_an_extract_is_said_to_be_so(tmp_path, content, message):
    with pytest.raises(BrokenFileError, match=message):
        read(put(tmp_path, content), small())


def test_a_file_that_no_source_declares_stops_the_load(tmp_path):
    put(tmp_path, "número,fecha,clase\n")
    put(tmp_path, "x", "otra_cosa.csv")
    with pytest.raises(UnknownFileError, match=r"otra_cosa\.csv"):
        read(tmp_path, small())


def test_a_file_that_two_sources_declare_stops_the_load(tmp_path):
    put(tmp_path, "número,fecha,clase\n")
    with pytest.raises(UnknownFileError, match="«prueba», «otra»"):
        read(tmp_path, small(), small(id="otra", archivos="*.csv"))


def test_a_source_that_maps_onto_no_field_is_refused(tmp_path):
    put(tmp_path, "número,fecha,clase\n")
    with pytest.raises(ProfileError, match="deuda"):
        read(tmp_path, small(columnas={"deuda": SourceColumn(columna="clase")}))


def test_a_failure_in_the_last_file_leaves_the_former_partition(tmp_path):
    tables, profile = memory(), town(small())
    put(tmp_path, "número,fecha,clase\n1,,queja\n2,,queja\n")
    reading.load(profile, tmp_path, "2025-S1", tables)
    reading.load(profile, tmp_path, "2024-S2", tables)
    put(tmp_path, "número,fecha,clase\n9,,reclamo\n")
    put(tmp_path, "número,fecha,clase\n8,,reclamo\n9,,\xff".encode("latin-1"), "prueba_2.csv")
    with pytest.raises(UndecodableError, match=r"prueba_2\.csv"):
        reading.load(profile, tmp_path, "2025-S1", tables)
    assert set(tables.table(EXTRACTS, periodo="2025-S1").radicado.to_list()) == {"1", "2"}
    (tmp_path / "prueba_2.csv").unlink()
    reading.load(profile, tmp_path, "2025-S1", tables)
    assert set(tables.table(EXTRACTS, periodo="2025-S1").radicado.to_list()) == {"9"}
    assert tables.table(EXTRACTS, periodo="2024-S2").count().execute() == 2


def test_reading_keeps_the_contract_of_extracts(tmp_path):
    tables, profile = memory(), town()
    reading.load(profile, write_rows(tmp_path, [petition(), petition(radicado="R-2", canal="")]), "2025-S1", tables)
    EXTRACTS.bind(profile.codes).gate(tables.table(EXTRACTS))


def test_reading_leaves_no_file_behind(tmp_path, monkeypatch):
    landing, elsewhere = tmp_path / "aterrizaje", tmp_path / "tmp"
    landing.mkdir()
    elsewhere.mkdir()
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    monkeypatch.chdir(elsewhere)
    read(put(landing, "número,fecha,clase\n" + "1,,queja\n" * 1000), small())
    assert list(elsewhere.iterdir()) == []
    assert [p.name for p in landing.iterdir()] == ["prueba_1.csv"]


def test_an_engine_error_during_the_load_is_not_quoted(tmp_path, monkeypatch):
    tables = memory()

    def fail(*_args, **_kwargs):
        raise duckdb.ConversionException(f"could not convert '{CANARY}'")

    monkeypatch.setattr(tables, "replace_all", fail)
    with pytest.raises(PqrsdError, match="ConversionException") as caught:
        reading.load(town(small()), put(tmp_path, "número,fecha,clase\n"), "2025-S1", tables)
    assert CANARY not in everything_said(caught.value)


def sheet_file(folder, rows, name="prueba_1.xlsx", sheet="Radicación"):
    book = openpyxl.Workbook()
    book.active.title = "Portada"
    page = book.create_sheet(sheet)
    for row in rows:
        page.append(row)
    book.save(folder / name)
    return folder


def workbook(**changes):
    return small(**({"formato": "xlsx", "archivos": "*.xlsx", "hoja": "Radicación"} | changes))


def test_a_workbook_is_read_from_its_sheet_below_its_titles(tmp_path):
    rows = [["Ventanilla"], [], ["número", "fecha", "clase"], [1, None, "queja"], [], [2, None, "reclamo"]]
    found = read(sheet_file(tmp_path, rows), workbook(fila_encabezado=3))
    assert cells(found, "fila", "radicado", "tipo") == [(4, "1", "queja"), (6, "2", "reclamo")]


def test_native_cells_become_text(tmp_path):
    moment = pd.Timestamp("2025-03-04 10:29:59.999997").to_pydatetime()
    rows = [["número", "fecha", "clase"], [20250001.0, moment, True], [1.5, moment.date(), 34]]
    found = read(sheet_file(tmp_path, rows), workbook())
    assert cells(found, "radicado", "fecha_recepcion", "tipo") == [
        ("20250001", "2025-03-04 10:30:00", "si"),
        ("1.5", "2025-03-04 00:00:00", "34"),
    ]


def test_a_cell_beyond_the_header_makes_a_workbook_row_a_defect(tmp_path):
    rows = [["número", "fecha", "clase"], [1, None, "queja", "demás"], [2, None, "queja"]]
    found = read(sheet_file(tmp_path, rows), workbook(constantes={"canal": "web"}))
    assert cells(found, "fila", "defecto_lectura", "radicado", "canal") == [
        (2, "columnas_de_mas", None, None),
        (3, None, "2", "web"),
    ]


def test_a_damaged_workbook_stops_the_load(tmp_path):
    sheet_file(tmp_path, [["número", "fecha", "clase"], *([n, None, CANARY] for n in range(200))])
    whole = bytearray((tmp_path / "prueba_1.xlsx").read_bytes())
    start = whole.index(b"xl/worksheets/sheet2.xml") + 40
    whole[start : start + 60] = bytes(60)
    put(tmp_path, bytes(whole), "prueba_1.xlsx")
    with pytest.raises(BrokenFileError, match=r"prueba_1\.xlsx") as caught:
        read(tmp_path, workbook())
    assert CANARY not in everything_said(caught.value)


def test_a_workbook_without_the_sheet_or_that_is_none_stops_the_load(tmp_path):
    sheet_file(tmp_path, [["número", "fecha", "clase"]])
    with pytest.raises(HeaderError, match="no tiene la hoja «Otra»"):
        read(tmp_path, workbook(hoja="Otra"))
    put(tmp_path, f"no es un zip {CANARY}", "prueba_1.xlsx")
    with pytest.raises(BrokenFileError, match=r"prueba_1\.xlsx") as caught:
        read(tmp_path, workbook())
    assert CANARY not in everything_said(caught.value)


def test_the_fields_are_the_contracts_columns_without_provenance():
    assert "radicado" in FIELDS
    assert "respuesta" in FIELDS
    assert not {"periodo", "archivo", "fila", "defecto_lectura", "archivo_sha256"} & set(FIELDS)
