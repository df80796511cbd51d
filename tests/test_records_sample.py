"""Records of synthetic extracts against the truth that their generator planted, two roads to one answer."""

import pytest

from pipeline import reading, records
from pipeline.periods import Semester
from pipeline.sample import generate
from schemas.extracts import EXTRACTS
from schemas.records import PETITIONS
from tests.small_extracts import KEY, SANTA_MARTA, memory

ROWS, SEED = 1_500, 5
ENDS = {"aceptadas": "aceptada", "fusionadas": "fusionada", "duplicadas": "duplicada"}


@pytest.fixture(scope="module", params=["2025-S2", "2026-S1"])
def sampled(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("aterrizaje")
    semester = Semester.parse(request.param)
    truth = generate(SANTA_MARTA, semester, ROWS, SEED, folder)
    tables = memory()
    reading.load(SANTA_MARTA, folder, semester.label, tables)
    built = records.build(SANTA_MARTA, semester, tables, KEY)
    PETITIONS.bind(SANTA_MARTA.codes).gate(built.petitions)
    extracts = tables.table(EXTRACTS).to_pandas()
    return truth, built.petitions.to_pandas(), built.rejected.to_pandas(), built.counts.to_pandas(), extracts


def test_every_planted_row_has_its_planted_destiny(sampled):
    truth, _, rejected, counts, _ = sampled
    assert set(counts.archivo) == set(truth["archivos"])
    for name, expected in truth["archivos"].items():
        here = counts[counts.archivo == name]
        found = {"fuente": here.fuente.iloc[0], "leidas": here.filas.sum()}
        found |= {plural: here[here.destino == destiny].filas.sum() for plural, destiny in ENDS.items()}
        broken = rejected[rejected.archivo == name]
        found["rechazadas"] = (broken.regla + "/" + broken.columna).value_counts().to_dict()
        assert found == expected


def test_the_petitions_are_the_planted_ones(sampled):
    truth, petitions, *_ = sampled
    expected = truth["peticiones"]
    for column in (name.removeprefix("por_") for name in expected if name.startswith("por_")):
        assert petitions[column].value_counts().to_dict() == expected[f"por_{column}"], column
    known = petitions.autorizacion_datos | petitions.anonima
    assert {
        "total": len(petitions),
        "anonimas": petitions.anonima.sum(),
        "autorizadas": petitions.autorizacion_datos.sum(),
        "caracterizables": known.sum(),
        "microdatos": (known & (petitions.menor != "si")).sum(),
        "personas": petitions.persona_clave.nunique(),
        "sin_persona": petitions.persona_clave.isna().sum(),
        "trasladadas": petitions.trasladada.sum(),
        "negadas": petitions.negada.sum(),
        "con_respuesta": petitions.fecha_respuesta.notna().sum(),
    }.items() <= expected.items()
    assert petitions.menor.value_counts().to_dict() == {k: n for k, n in expected["menores"].items() if n}


def test_no_canary_of_credit_data_is_read_and_none_at_all_reaches_the_records(sampled):
    truth, petitions, rejected, counts, extracts = sampled
    radicados = set(truth["canarios"].get("radicado", []))
    said = " ".join(frame.drop(columns="radicado", errors="ignore").to_csv() for frame in (petitions, rejected, counts))
    songs = [song for songs in truth["canarios"].values() for song in songs if song not in radicados]
    assert songs
    assert [song for song in songs if song in said] == []
    discarded = {c for s in SANTA_MARTA.fuentes for c in s.descartadas}
    read = extracts.to_csv()
    for column in discarded & set(truth["canarios"]):
        assert not [song for song in truth["canarios"][column] if song in read]
