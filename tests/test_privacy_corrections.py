"""After publication: a change is published again only where nobody learns of few; otherwise it waits."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pytest

from benchmarks import after_publication
from pipeline.privacy import corrections, gate
from pipeline.privacy.archive import Archive, ArchiveError
from pipeline.privacy.corrections import AGAIN, FIRST, HELD, SAME, Decision, Edition
from pipeline.privacy.disclosed import Disclosed
from pipeline.privacy.ledger import HELD as WAITS
from pipeline.privacy.ledger import Ledger, LedgerError, corrected, editions, waiting
from pipeline.privacy.passage import Passage
from pipeline.profile import Profile
from schemas.published import MICRODATA, ROW_SUMMARY, TABLES
from tests.privacy_cases import PERIOD, Counts, candidates, changed, refused, spec, with_tables
from tests.privacy_frames import petitions

ONE = spec("uno", "a")
BOTH = spec("uno", "a", medidas=["solicitudes", "personas"])
NOBODY = MICRODATA.ibis_schema().to_pyarrow().empty_table()
START: Counts = {"x": 30, "y": 40, "z": 50}


def sealed(counts: Counts, table=ONE) -> Disclosed:
    frames = [candidates(table, counts, measure=measure) for measure in table.medidas]
    return gate.disclose_tables(pd.concat(frames), with_tables(table), PERIOD, sensitive=set())


def edition(counts: Counts, table=ONE, rows: pa.Table = NOBODY) -> Edition:
    return Edition(rows, sealed(counts, table).table())


def decided(new: Edition, *earlier: Edition, table=ONE) -> Decision:
    return corrections.decide(earlier, new, with_tables(table), PERIOD, sensitive=set())


def after(counts: Counts, table=ONE) -> Decision:
    return decided(edition(START | counts, table), edition(START, table), table=table)


def test_what_was_never_public_is_published_and_what_does_not_change_needs_no_audit():
    assert decided(edition(START)).kind == FIRST
    assert decided(edition(START), edition(START)).kind == SAME


def check_a_cell_changes_by_nothing_or_by_the_threshold() -> None:
    assert after({"x": 34}).kind == HELD
    assert after({"x": 35}).kind == AGAIN
    assert after({"x": 35, "y": 39}).kind == HELD
    assert after({"x": 25, "y": 45}).kind == AGAIN


def test_a_cell_may_change_by_nothing_or_by_the_threshold():
    check_a_cell_changes_by_nothing_or_by_the_threshold()


def check_persons_count_where_they_are_published() -> None:
    """Nine more requests of two more persons."""
    assert after({"x": (39, 32)}, BOTH).kind == HELD
    assert after({"x": (39, 36)}, BOTH).kind == AGAIN


def test_many_requests_of_few_persons_are_few():
    check_persons_count_where_they_are_published()


def check_a_withheld_cell_gives_no_change_away() -> None:
    """w is withheld with x in both editions; the total says that together they gained nine, x alone may have gained."""
    start = START | {"w": 2}
    before = edition(start)
    assert decided(edition(start | {"w": 4, "x": 37}), before).kind == AGAIN
    only = decided(edition({"w": 2, "x": 30, "y": 47, "z": 50}), before)
    assert only.kind == AGAIN
    # two more in the total, which no published cell has
    assert decided(edition(start | {"w": 4}), before).figures["celdas_que_delatan"] == 1


def test_a_change_among_withheld_cells_is_seen_through_their_total():
    check_a_withheld_cell_gives_no_change_away()


def check_few_changes_between_withheld_cells_are_few() -> None:
    """The total gains eight and y five: w and x, withheld in both editions, gained three between them."""
    found = decided(edition({"w": 2, "x": 33, "y": 45, "z": 50}), edition(START | {"w": 2}))
    assert (found.kind, found.figures["celdas_que_delatan"], found.figures["cambios_deducibles"]) == (HELD, 0, 2)


def test_what_withheld_cells_gained_together_may_not_be_few():
    check_few_changes_between_withheld_cells_are_few()


def check_masks_of_two_editions_are_one_mask() -> None:
    """Each edition hides x with another companion: together they show x, y and z, although nothing changed."""
    table = candidates(ONE, START | {"x": 3})

    def hiding(companion: str) -> Edition:
        gone = table.valor_1.isin(["x", companion])
        cells = table.assign(periodo=PERIOD, valor=table.valor.mask(gone))
        cells["estado_celda"] = ["Suprimido" if g else "publicada" for g in gone]
        schema = TABLES.ibis_schema().to_pyarrow()
        return Edition(NOBODY, pa.Table.from_pandas(cells[TABLES.names], schema=schema, preserve_index=False))

    found = decided(hiding("z"), hiding("y"))
    assert (found.kind, found.figures["retenidas_al_descubierto"]) == (HELD, 4)


def test_the_same_data_under_another_mask_is_held():
    check_masks_of_two_editions_are_one_mask()


def test_every_edition_counts_also_one_before_the_last():
    first, second = edition(START), edition(START | {"x": 40})
    assert decided(edition(START | {"x": 47}), second).kind == AGAIN
    assert decided(edition(START | {"x": 32}), second).kind == AGAIN
    assert decided(edition(START | {"x": 32}), first, second).kind == HELD


def rows(**times: int) -> pa.Table:
    codes = [code for code, n in times.items() for _ in range(n)]
    return pa.table({"periodo": [PERIOD] * len(codes), "tema": [c[0] for c in codes], "sexo": [c[1] for c in codes]})


def check_groups_of_rows_change_by_k_or_not_at_all() -> None:
    start = rows(am=20, ah=30, bm=40)
    assert corrections.few_row_groups(start, start, 10) == 0
    assert corrections.few_row_groups(start, rows(am=30, ah=30, bm=40), 10) == 0
    assert corrections.few_row_groups(start, rows(am=29, ah=30, bm=40), 10) == 4
    # ten less and eleven more are two large changes, and one row more of sex unknown to whoever looks at topics
    assert corrections.few_row_groups(start, rows(am=10, ah=41, bm=40), 10) == 2


def test_groups_of_rows_over_any_columns_change_by_k_or_not_at_all():
    check_groups_of_rows_change_by_k_or_not_at_all()


def test_microdata_that_appear_or_disappear_hold_the_semester():
    shown = Edition(rows(am=20), edition(START).tables)
    assert decided(edition(START), shown).kind == HELD
    assert "microdatos" in decided(shown, edition(START)).reason


def test_what_is_held_says_why_in_counts_and_that_the_public_stays():
    said = after({"x": 34}).reason
    assert said.startswith(f"Se retiene la corrección de {PERIOD}: 2 celdas cambiarían")
    assert "Lo publicado queda como está" in said


FULL = os.environ.get("FULL") == "1"
SIZES = [20_000, 200_000] if FULL else [20_000]
EXPECTED = {"corrección de 300 comunas": AGAIN, "supresión de una persona": HELD, "2 filas tardías": HELD}
if FULL:
    EXPECTED |= {"sin cambios": SAME, "corrección de 3 comunas": HELD}


@pytest.mark.parametrize("size", SIZES)
def test_a_correction_an_erasure_and_late_rows_are_released_or_held_for_a_reason(size):
    profile, drawn = after_publication.town(), petitions(size, seed=5)
    before = after_publication.made(drawn, profile)
    assert before.microdata.reason is None
    for name, kind in EXPECTED.items():
        now = after_publication.made(after_publication.EVENTS[name](drawn), profile)
        found = after_publication.decide(before, now, profile)
        assert found.kind == kind, (name, found)
        assert name == "sin cambios" or found.figures["celdas_que_cambian"] > 0
        if kind == HELD:
            assert found.figures["celdas_que_delatan"] > 0


def passage(folder: Path) -> Passage:
    return Passage(PERIOD, Ledger(folder / "libro.jsonl"), Archive(folder / "divulgado"))


def go(place: Passage, counts: Counts, *, publish: bool = True, rows: int = 1) -> Decision:
    """One passage as the door makes it: without microdata, and to the portal where it may."""
    profile: Profile = changed(with_tables(ONE))
    tables = sealed(counts)
    nothing = SimpleNamespace(disclosed=gate.seal(MICRODATA, {}, NOBODY, {}), few_hidden=frozenset())
    passed = (nothing.disclosed, tables, gate.seal(ROW_SUMMARY, {}, pa.table({"filas": [rows]}), {}))
    decision = place.decide(nothing, tables, passed[2], profile, set())
    if not decision.publishes:
        place.hold(decision, passed)
        return decision
    place.intend(profile, passed, (), ["b" * 64, "a" * 64], "llave-1")
    place.ledger.complete(PERIOD, passed)
    if publish:
        place.ledger.announce([PERIOD], "2025.1.0")
    return decision


def test_what_has_not_reached_the_portal_is_replaced_freely(tmp_path):
    place = passage(tmp_path)
    assert [go(place, START | {"x": n}, publish=False).kind for n in (30, 31, 32)] == [FIRST, FIRST, FIRST]
    assert editions(place.ledger.entries(), PERIOD) == []


def check_what_is_public_is_corrected_only_after_its_audit(folder: Path) -> None:
    place = passage(folder)
    kinds = [go(place, START | {"x": n}).kind for n in (30, 30, 31, 40, 41)]
    assert kinds == [FIRST, SAME, HELD, AGAIN, HELD]
    assert len(editions(place.ledger.entries(), PERIOD)) == 2
    assert [e.kind for e in place.ledger.entries()].count(WAITS) == 2
    assert "Se retiene" in place.ledger.entries()[-1].content["motivo"]


def test_what_is_public_is_corrected_only_after_its_audit(tmp_path):
    check_what_is_public_is_corrected_only_after_its_audit(tmp_path)


def test_rows_that_are_no_petitions_do_not_touch_what_is_public(tmp_path):
    place = passage(tmp_path)
    go(place, START)
    found = go(place, START, rows=2)
    assert found.kind == HELD
    assert "contabilidad" in found.reason


def check_a_withdrawn_edition_is_still_known(folder: Path) -> None:
    place = passage(folder)
    go(place, START)
    place.ledger.withdraw(PERIOD, "Se retiró del portal por un error de formato.")
    assert go(place, START | {"x": 31}).kind == HELD


def test_a_withdrawn_edition_is_still_known(tmp_path):
    check_a_withdrawn_edition_is_still_known(tmp_path)


def test_what_waits_is_said_until_something_is_published_again_or_the_data_are_the_public_ones(tmp_path):
    place = passage(tmp_path)
    waits = lambda: len(waiting(place.ledger.entries(), PERIOD))  # noqa: E731
    said = []
    for number in (30, 31, 30, 31, 40):
        go(place, START | {"x": number})
        said.append(waits())
    assert said == [0, 1, 0, 1, 0]


def test_a_corrected_period_is_named_by_the_first_version_that_carries_it(tmp_path):
    place, later = passage(tmp_path), ["2025-S2"]
    go(place, START)
    told = lambda version: corrected(place.ledger.entries(), [PERIOD], version)  # noqa: E731
    assert told("2025.1.0") == told("2025.2.0") == []
    go(place, START | {"x": 40}, publish=False)
    assert told("2025.2.0") == [PERIOD]
    place.ledger.announce([PERIOD], "2025.2.0")
    assert (told("2025.1.0"), told("2025.2.0"), told("2026.1.0")) == ([], [PERIOD], [])
    assert corrected(place.ledger.entries(), later, "2025.2.0") == []


def test_a_correction_that_a_year_carried_first_is_still_told_by_the_next_semester(tmp_path):
    place = passage(tmp_path)
    go(place, START)
    go(place, START | {"x": 40}, publish=False)
    place.ledger.announce([PERIOD], "2025.0.0")
    assert len(editions(place.ledger.entries(), PERIOD)) == 2
    place.ledger.announce([PERIOD], "2025.2.0")
    assert corrected(place.ledger.entries(), [PERIOD], "2025.2.0") == [PERIOD]


def test_the_ledger_holds_what_a_passage_was_made_from(tmp_path):
    place = passage(tmp_path)
    go(place, START | {"w": 2})
    (intent,) = (e for e in place.ledger.entries() if e.kind == "intencion")
    held = intent.content
    assert held["entradas"] == ["a" * 64, "b" * 64]
    assert (held["llave"], held["metas"]["k"], held["mascara"]["retenidas"]) == ("llave-1", 10, 2)
    assert set(held["niveles"]) == set(with_tables(ONE).privacidad.columnas)
    assert held["auditoria_conjunta"]["al_descubierto"] == 0
    assert held["aprueba"].strip()
    assert place.ledger.verify() == 3


def test_only_what_passed_the_door_goes_to_the_portal_and_only_what_is_there_is_withdrawn(tmp_path):
    ledger = Ledger(tmp_path / "libro.jsonl")
    assert "no puede ir al portal" in refused(LedgerError, lambda: ledger.announce([PERIOD], "2025.1.0"))
    assert "no hay qué retirar" in refused(LedgerError, lambda: ledger.withdraw(PERIOD, "error"))
    assert ledger.entries() == []


def archived(change: Callable[[Path], object], folder: Path) -> str:
    place = passage(folder)
    go(place, START)
    for path in place.archive.folder.iterdir():
        change(path)
    return refused(ArchiveError, lambda: go(place, START | {"x": 40}))


def test_without_the_bytes_that_were_public_nothing_that_changed_is_judged(tmp_path):
    assert "restáurelo de un respaldo" in archived(Path.unlink, tmp_path / "a")
    assert "fue alterado" in archived(lambda path: path.write_bytes(path.read_bytes() + b"x"), tmp_path / "b")


def test_the_archive_keeps_a_digest_once(tmp_path):
    archive = Archive(tmp_path)
    for _ in range(2):
        archive.keep(sealed(START))
    assert [path.name for path in tmp_path.iterdir()] == [f"{sealed(START).sha256}.parquet"]
    assert archive.table(sealed(START).sha256).equals(sealed(START).table())
