"""The second town's profile on its real extract: one file, seven semesters, no answers, no identity."""

import os
import shutil
from pathlib import Path

import pytest

from pipeline import profile, reading, records
from pipeline.errors import PqrsdError
from pipeline.periods import Semester
from pipeline.privacy import floors, gate
from schemas.records import PETITIONS
from tests.small_extracts import KEY, memory

GOBERNACION = profile.load("gobernacion_pasaportes")
CASE = Path(os.environ.get("PQRSD_CASES", "sin-casos")) / "pqrsd" / "gobernacion_pasaportes_2019-2022.csv"
SEMESTERS = ("2019-S1", "2019-S2", "2020-S1", "2020-S2", "2021-S1", "2021-S2", "2022-S1")
HEADER = (
    "No. Expediente;Tipo Documental;No. Radicado;Título/asunto:;Archivado;Fecha de creación del documento;Dependencia;"
    "Origen;Usuario creador;Expediente asociado"
)


def built(folder, label):
    tables = memory()
    reading.load(GOBERNACION, folder, label, tables)
    return records.build(GOBERNACION, Semester.parse(label), tables, KEY)


def test_its_privacy_targets_are_above_the_floors():
    floors.check(GOBERNACION.privacidad)


def test_its_dirt_is_read_as_the_profile_says(tmp_path):
    lines = [
        HEADER,
        '1;Oficio;E-1;"asunto\nen dos líneas";SI;1/09/2021 6:07;VENTANILLA ÚNICA RADICADOR;Electrónico;'
        "FUNCIONARIO 01;76.5. Solicitudes de  Información",
        "1;Oficio;E-2;x;SI;30/12/2021 17:09;;Electrónico;Anónimo PQRS;76.2. Quejas",
        "0;Oficio;E-3;x;No;16/07/2021 17:09;;Electrónico;;",
        "1;Oficio;E-4;x;SI;16/07/2021 17:09;;Electrónico;FUNCIONARIO 01;72. SERVICIOS DE INFORMACIÓN",
        "1;Oficio;E-5;x;SI;16/02/2021 17:09;;Electrónico;FUNCIONARIO 01;76.2. Quejas",
    ]
    content = b"\xef\xbb\xbf" + "\r\n".join(lines).encode() + b"\r\n"
    (tmp_path / "gobernacion_pasaportes_x.csv").write_bytes(content)
    result = built(tmp_path, "2021-S2")
    petitions = result.petitions.order_by("fila").to_pandas()
    assert list(petitions.tipo) == ["informacion", "queja", "sin_clasificar", "sin_clasificar"]
    assert list(petitions.anonima) == [False, True, False, False]
    assert list(petitions.dependencia) == ["ventanilla", "sin_dato", "sin_dato", "sin_dato"]
    assert set(petitions.canal) == {"electronico"}
    assert set(petitions.oportunidad) == {"no_evaluable"}
    assert not petitions.autorizacion_datos.any()
    assert petitions.persona_clave.isna().all()
    assert result.unclassified == 2
    assert result.rejected.to_pandas()[["fila", "regla"]].values.tolist() == [[6, "fuera_de_periodo"]]


def test_without_identity_no_microdata_leave_and_the_reason_is_said(tmp_path):
    lines = [HEADER] + [
        f"1;Oficio;E-{n};x;SI;1/09/2021 6:07;;Electrónico;{'Anónimo PQRS' if n % 2 else 'X'};76.2. Quejas"
        for n in range(60)
    ]
    (tmp_path / "gobernacion_pasaportes_x.csv").write_text("\n".join(lines), encoding="utf-8")
    outcome = gate.disclose_microdata(built(tmp_path, "2021-S2").petitions, GOBERNACION, "2021-S2")
    assert outcome.evidence["publicado"] is False
    assert outcome.evidence["excluidas"]["sin_autorizacion"] == 30
    assert outcome.reason


@pytest.mark.skipif(not CASE.is_file(), reason=f"PQRSD_CASES no lleva a {CASE.name}")
def test_every_row_of_the_real_file_is_in_one_semester_and_outside_the_others(tmp_path):
    shutil.copy(CASE, tmp_path)
    accepted = {}
    for label in SEMESTERS:
        result = built(tmp_path, label)
        PETITIONS.bind(GOBERNACION.codes).gate(result.petitions)
        counts = result.counts.to_pandas()
        assert counts.filas.sum() == 905
        assert set(counts.regla) <= {"", "fuera_de_periodo", "fecha_futura"}
        accepted[label] = int(counts[counts.destino == "aceptada"].filas.sum())
    assert sum(accepted.values()) == 905
    assert accepted == dict(zip(SEMESTERS, (23, 17, 57, 225, 163, 316, 104), strict=True))


@pytest.mark.skipif(not CASE.is_file(), reason=f"PQRSD_CASES no lleva a {CASE.name}")
def test_a_renamed_column_of_the_real_file_is_named_without_quoting_a_row(tmp_path):
    content = CASE.read_text(encoding="utf-8-sig").replace("Expediente asociado", "Serie", 1)
    (tmp_path / CASE.name).write_text(content, encoding="utf-8")
    with pytest.raises(PqrsdError, match=r"faltan: «Expediente asociado»; no está en el perfil la columna: 10 \(J\)"):
        built(tmp_path, "2021-S2")
