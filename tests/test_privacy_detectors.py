"""Detectors: every way of writing somebody's number is found, and what we publish is left alone."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.privacy import detectors
from pipeline.privacy.detectors import Finding, scan
from tests.privacy_cases import refused, santa_marta

FOUND: dict[str, set[str]] = {
    # cédulas: plain, grouped, one by one, after a word
    "84451120": {"cedula"},
    "1082911245": {"cedula"},
    "36.712.001": {"cedula"},
    "1.082.911.245": {"cedula"},
    "1,082,911,245": {"cedula"},
    "1'082'911'245": {"cedula"},
    "1 082 911 245": {"cedula"},
    "1-082-911-245": {"cedula"},
    "1082-911-245": {"cedula"},
    "36.712.001-9": {"cedula"},
    "845.112": {"cedula"},
    "10829,112451": {"cedula"},
    "1 0 8 2 9 1 1 2 4 5": {"cedula"},
    "1.0.8.2.9.1.1.2.4.5": {"cedula"},
    "CC1082911245": {"cedula"},
    "cédula n.º 84451120": {"cedula"},
    "documento 1082 91-12": {"cedula"},
    "persona_1082911245": {"cedula"},
    "predio_36.712.001": {"cedula"},
    "foto-1082911245.jpg": {"cedula"},
    "(1082911245)": {"cedula"},
    # the same, disguised
    "１０８２９１１２４５": {"cedula"},
    "①⓪⑧②⑨①①②④⑤": {"cedula"},
    "𝟏𝟎𝟖𝟐𝟗𝟏𝟏𝟐𝟒𝟓": {"cedula"},
    "١٠٨٢٩١١٢٤٥": {"cedula"},
    "1082\u200b911\u200b245": {"cedula"},
    "1\u00ad082911245": {"cedula"},
    "36\u00a0712\u00a0001": {"cedula"},
    "l082911245": {"cedula"},
    "1O82911245": {"cedula"},
    # NIT, with the check digit that the DIAN's weights give
    "891.780.009-4": {"cedula", "nit"},
    "891780009-4": {"cedula", "nit"},
    "891780009 DV 4": {"cedula", "nit"},
    "8917800094": {"cedula", "nit"},
    "891780009-5": {"cedula"},
    "891.780.009-5": {"cedula"},
    "8917800095": {"cedula"},
    # telephones
    "300-123-4567": {"telefono"},
    "300.123.4567": {"telefono"},
    "(300) 123 4567": {"telefono"},
    "3001234567": {"cedula", "telefono"},
    "+573001234567": {"telefono"},
    "(605) 420-9600": {"telefono"},
    "6054209600": {"cedula", "telefono"},
    "+57 5 420-96-00": {"telefono"},
    "cel: 421 09 60": {"telefono"},
    "tel 421.0960": {"telefono"},
    # mail
    "ana@correo.co": {"correo"},
    "ana＠correo.co": {"correo"},
    "аna @ cоrreo . co": {"correo"},
    "ana arroba correo punto co": {"correo"},
    "ana [at] correo.co": {"correo"},
    # addresses
    "Cra 5 # 22-31": {"direccion"},
    "Сra 5 # 22-31": {"direccion"},
    "Calle 22 No. 5 - 30": {"direccion"},
    "KRA 5 BIS # 3-4": {"direccion"},
    "Dg 10A N° 5-20": {"direccion"},
    "carrera 5 22-31": {"direccion"},
    "Cl 22 con carrera 5": {"direccion"},
    "Mz 4 Casa 12": {"direccion"},
    "MZ.4-CASA 12": {"direccion"},
    "Manzana D lote 8": {"direccion"},
    "Torre 3 Apto 501": {"direccion"},
    # radicados
    "2025-00123": {"radicado"},
    "PQR2025-00123": {"radicado"},
    "SM20250001234": {"radicado"},
    "2025123456789": {"radicado"},
    "radicado EXT-25-01234": {"radicado"},
    "radicado nro 84512": {"radicado"},
}  # fmt: skip

COUNTS_IN_PROSE = {"845.112", "1082-911-245", "10829,112451"}
"""What inside a sentence reads as thousands, a range or a fraction, and is found in a cell alone."""

LEFT_ALONE = (
    "2025", "2025-S1", "2025-S1, 2025-S2", "2024-2025", "202506", "solicitudes_2025-S1.csv",
    "2026-06-30", "30/06/2026", "documento 2026-06-30", "documento 30-06-2026", "2026-06-30T12:30:00",
    "1.0.0", "2025.1.0", "v1.12.3", "k ≥ 10 personas", "de 18 a 59 años", "18_59", "60_mas", "c1",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "ab20251234567cdef0ab20251234567cdef0",
    "12345678-1234-4234-8234-123456789012", "#123456", "#1d3557",
    "Ley 1581 de 2012", "Ley 1712 de 2014, artículo 11, literal h; Ley 1474 de 2011, artículo 76",
    "Decreto 1081 de 2015, artículo 2.1.1.6.2", "artículo 2.1.1.5.2.1", "Sentencia C-748 de 2011",
    "12,5 %", "99,53 %", "0,85", "0.05", "1234", "12.345", "18.790", "47001", "MM-GAC-P-008",
    "https://creativecommons.org/licenses/by/4.0/deed.es", "Carrera administrativa", "calle de las piedritas",
    "Mamatoco-11 de Noviembre", "vía 5", "15 días hábiles", "entre 5 y 10",
)  # fmt: skip

IN_PROSE = (
    "En 2025 hubo 18.790 solicitudes y 121.145 filas.",
    "El riesgo promedio es 0,123456.",
    "| 1 | 2 | 3 | 4 | 5 | 6 | 7 |",
    "100 | 200 | 300",
    *LEFT_ALONE,
)


def check_everything_is_found() -> None:
    assert {text: set(scan(text)) for text in FOUND} == FOUND


def check_what_we_publish_is_left_alone() -> None:
    assert {text: scan(text) for text in LEFT_ALONE if scan(text)} == {}
    assert {text: scan(text, prose=True) for text in IN_PROSE if scan(text, prose=True)} == {}


@pytest.mark.parametrize("text", FOUND)
def test_it_is_found_by_its_rules_alone_and_in_prose(text):
    assert set(scan(text)) == FOUND[text]
    inside = scan(f"La petición dice: {text}, y nada más.", prose=True)
    assert text in COUNTS_IN_PROSE or FOUND[text] <= set(inside)


def test_what_we_publish_is_left_alone():
    check_what_we_publish_is_left_alone()


def test_every_code_label_and_alias_of_the_profile_is_left_alone():
    profile = santa_marta()
    for path in sorted(profile.carpeta.rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.reader(lines):
                assert [text for text in row if scan(text)] == []
    for table in profile.caracterizacion.tablas:
        texts = (table.id, table.titulo, table.base_legal or "", table.hallazgo or "")
        assert [text for text in texts if scan(text, prose=True)] == []


def test_a_number_that_counts_is_left_alone_in_prose_and_found_after_a_word_that_says_whose_it_is():
    assert scan("Se recibieron 121.145 solicitudes", prose=True) == []
    assert scan("cédula 121.145", prose=True) == ["cedula"]


def test_the_publisher_s_own_contact_is_allowed_and_nobody_else_s():
    own = "contacto@santamarta.gov.co"
    assert scan(f"Escriba a {own}", allowed=[own]) == []
    assert scan(f"Escriba a {own} o a ana@correo.co", allowed=[own]) == ["correo"]


@given(st.integers(10**7, 10**10 - 1), st.sampled_from(["", ".", ",", " ", "'"]), st.sampled_from(["", "\u200b"]))
def test_any_cedula_is_found_however_it_is_grouped(number, sign, invisible):
    text = f"{number:,}".replace(",", sign) if sign else invisible.join(str(number))
    assert "cedula" in scan(text) or "telefono" in scan(text) or "radicado" in scan(text)


@given(st.integers(10**8, 10**9 - 1))
def test_a_nit_is_one_only_with_its_own_check_digit(number):
    weights = (3, 7, 13, 17, 19, 23, 29, 37, 41)
    rest = sum(int(d) * w for d, w in zip(reversed(str(number)), weights, strict=True)) % 11
    right = rest if rest < 2 else 11 - rest
    assert [d for d in range(10) if "nit" in scan(f"{number}-{d}")] == [right]


@given(st.integers(1, 999999), st.sampled_from(["solicitudes", "%", "filas", "días"]))
def test_a_count_by_thousands_in_prose_is_left_alone(number, unit):
    text = f"{number:,}".replace(",", ".")
    assert scan(f"Fueron {text} {unit}.", prose=True) == []


def test_a_table_is_scanned_by_column_with_rows_counted_and_values_unsaid():
    table = pa.table({"sexo": ["mujer", "1082911245", "1082911245", None], "filas": [1082911245, 2, 3, 4]})
    assert detectors.scan_table(table) == [Finding("sexo", "cedula", 2)]
    assert "1082911245" not in repr(detectors.scan_table(table))


def test_dictionary_columns_and_column_names_are_scanned_too():
    coded = pa.table({"a": pa.array(["ana@correo.co", "b"]).dictionary_encode()})
    assert detectors.scan_table(coded) == [Finding("a", "correo", 1)]
    assert [f.rule for f in detectors.scan_table(pa.table({"cc 1082911245": [1]}))] == ["cedula"]


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "x,valor\n1082911245,3\n"),
        ("a.csv", 'x,y\n"dos\nlíneas 1082911245",3\n'),
        ("a.json", json.dumps({"notas": ["ok", {"de": "1082911245"}]})),
        ("a.json", json.dumps({"1082911245": 1})),
        ("a.html", "<p>Hola</p><!-- 1082911245 -->"),
        ("a.html", '<img alt="1082911245">'),
        ("a.html", '<p data-quien="1082911245">'),
        ("a.html", "<p>10829&#49;1245</p>"),
        ("a.html", "<script>var quien = '1082911245'</script>"),
        ("a.svg", "<svg><title>1082911245</title></svg>"),
        ("a.md", "- 1082911245\n"),
    ],
)
def test_a_number_is_found_wherever_a_file_hides_it(tmp_path, name, text):
    findings = detectors.scan_file(written(tmp_path, name, text))
    assert [f.rule for f in findings] == ["cedula"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "tabla,valor\ntipo,1082911\n"),
        ("a.html", "<style>p { width: 1234567px }</style><p>Hola</p>"),
        ("a.svg", '<svg><path d="M 1234567 7654321"/></svg>'),
        ("a.json", json.dumps({"filas": 1082911})),
    ],
)
def test_counts_coordinates_and_styles_are_not_text(tmp_path, name, text):
    assert detectors.scan_file(written(tmp_path, name, text)) == []


@pytest.mark.parametrize(("name", "data"), [("a.csv", b"\xff\xfe\x00"), ("a.json", b"{"), ("a.md", b"\xff\xff")])
def test_a_file_that_cannot_be_read_is_a_finding(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert detectors.scan_file(tmp_path / name) == [Finding(name, "ilegible", 1)]


def test_the_check_of_the_positive_list_turns_red_when_something_is_missed(monkeypatch):
    monkeypatch.setitem(FOUND, "nada", {"cedula"})
    refused((AssertionError,), check_everything_is_found)
