"""A year of another city's requests through a profile of its own, with its dirt counted, not corrected."""

import gzip
import os
import shutil
from pathlib import Path

import pytest

from pipeline import profile, reading, records
from pipeline.periods import Semester
from pipeline.privacy import floors
from schemas.extracts import COLUMNS_READ, EXTRACTS
from schemas.records import ALERTS, PETITIONS
from tests.small_extracts import KEY, memory

BOSTON = profile.load("boston311")
CASE = Path(os.environ.get("PQRSD_CASES", "sin-casos")) / "boston311" / "us_boston_311_2015_all.csv.gz"
HEADER = [*(name for name, _ in BOSTON.fuentes[0].headers)]


def row(**cells):
    values = {
        "CASE_ENQUIRY_ID": "101.0",
        "OPEN_DT": "01/05/2015 12:40:41 PM",
        "CASE_STATUS": "Open",
        "REASON": "Housing",
        "SUBJECT": "Animal Control",
        "Source": "Twitter",
    } | cells
    return ",".join(values.get(name, "") for name in dict.fromkeys(HEADER))


def write(folder, *lines):
    content = "\n".join([",".join(dict.fromkeys(HEADER)), *lines]) + "\n"
    (folder / "us_boston_311_x.csv.gz").write_bytes(gzip.compress(content.encode()))
    return folder


def built(folder, label, tables=None):
    tables = tables or memory()
    reading.load(BOSTON, folder, label, tables)
    return records.build(BOSTON, Semester.parse(label), tables, KEY)


def alerts(found):
    return {kind: n for kind, n in found.alerts_by_kind.items() if kind.startswith("respuesta")}


def test_its_privacy_targets_are_above_the_floors():
    floors.check(BOSTON.privacidad)


def test_its_twelve_hour_clock_its_codes_and_its_postal_code_are_read(tmp_path):
    tables = memory()
    found = built(
        write(
            tmp_path,
            row(CLOSED_DT="01/05/2015 12:40:41 PM", CASE_STATUS="Closed", LOCATION_ZIPCODE="2115.0"),
            row(CASE_ENQUIRY_ID="102", CLOSED_DT="01/05/2015 12:40:40 AM", REASON="Call Inquiry"),
            row(CASE_ENQUIRY_ID="103", OPEN_DT="13/05/2015 12:40:41 PM"),
        ),
        "2015-S1",
        tables,
    )
    frame = found.petitions.to_pandas()
    assert list(frame.radicado) == ["101", "102"]
    assert [moment.hour for moment in frame.fecha_recepcion] == [12, 12]
    assert [moment.hour for moment in frame.fecha_respuesta] == [12, 0]
    assert (list(frame.tipo), list(frame.tema)) == (["solicitud", "consulta"], ["housing", "call_inquiry"])
    assert list(frame.oportunidad) == ["no_aplica", "no_aplica"]
    assert tables.table(EXTRACTS).codigo_postal.to_list()[0] == "02115"
    assert alerts(found) == {"respuesta_antes_de_recepcion": 1, "respuesta_en_el_mismo_segundo": 1}
    assert found.rejected.regla.to_list() == ["fecha_no_valida"]


@pytest.mark.skipif(not CASE.is_file(), reason=f"PQRSD_CASES no lleva a {CASE.name}")
def test_every_row_of_the_year_is_accounted_for_and_its_dirt_is_counted_exactly(tmp_path):
    shutil.copy(CASE, tmp_path)
    seen = {"respuesta_antes_de_recepcion": 0, "respuesta_en_el_mismo_segundo": 0}
    accepted = {}
    for label in ("2015-S1", "2015-S2"):
        tables = memory()
        found = built(tmp_path, label, tables)
        PETITIONS.bind(BOSTON.codes).gate(found.petitions)
        ALERTS.gate(found.alerts)
        counts = found.counts.to_pandas()
        assert counts.filas.sum() == 121_145
        assert set(counts.regla) <= {"", "fuera_de_periodo", "fecha_futura"}
        accepted[label] = int(counts[counts.destino == "aceptada"].filas.sum())
        seen = {kind: n + found.alerts_by_kind.get(kind, 0) for kind, n in seen.items()}
        columns = tables.table(COLUMNS_READ).to_pandas().set_index("campo")
    assert accepted == {"2015-S1": 58_119, "2015-S2": 63_026}
    assert seen == {"respuesta_antes_de_recepcion": 197, "respuesta_en_el_mismo_segundo": 1_591}
    target = columns.loc["fecha_vencimiento"]
    assert (target.filas - target.llenas, round((target.filas - target.llenas) / target.filas, 2)) == (26_991, 0.22)
    postal = columns.loc["codigo_postal"]
    assert (postal.llenas, postal.reparadas) == (86_458, 86_458)
    assert columns.loc[""].columna.tolist().count("") == 1, "the nameless index is a column, and is ignored"
