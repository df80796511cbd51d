"""The ledger: an unbroken chain, one act told once, semesters in order, and intent before completion."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import PqrsdError
from pipeline.privacy.ledger import ABSENT, COMPLETE, GENESIS, INTENT, Ledger, LedgerError, check_sequence, published
from schemas.published import MICRODATA, TABLES
from tests.privacy_cases import refused

PROFILE = SimpleNamespace(digest="a" * 64)


def canonical(entry: dict[str, object]) -> bytes:
    return json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def passed(mark: str = "b", rows: int = 75) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(contract=contract, sha256=mark * 64, rows=rows, evidence={"k_minimo": 10})
        for contract in (MICRODATA, TABLES)
    ]


def publish(ledger: Ledger, period: str, mark: str = "b", known: tuple[str, ...] = ()) -> None:
    ledger.intend(PROFILE, period, passed(mark), known=known)
    ledger.complete(period, passed(mark))


def two_semesters(folder: Path) -> Ledger:
    ledger = Ledger(folder / "libro.jsonl")
    publish(ledger, "2025-S1")
    publish(ledger, "2025-S2", "c")
    return ledger


def check_entries_form_a_chain(folder: Path) -> None:
    """Each line's hash is of its own content, which cites the one before: computed here from the standard alone."""
    previous = "0" * 64
    for number, line in enumerate(two_semesters(folder).path.read_text("utf-8").splitlines(), start=1):
        entry = json.loads(line)
        stated = entry.pop("hash")
        assert (entry["n"], entry["prev"]) == (number, previous)
        assert stated == hashlib.sha256(canonical(entry)).hexdigest()
        previous = stated
    assert previous == Ledger(folder / "libro.jsonl").head != GENESIS


def test_every_entry_continues_the_one_before(tmp_path):
    check_entries_form_a_chain(tmp_path)
    assert [(e.kind, e.key) for e in Ledger(tmp_path / "libro.jsonl").entries()] == [
        (INTENT, "2025-S1"),
        (COMPLETE, "2025-S1"),
        (INTENT, "2025-S2"),
        (COMPLETE, "2025-S2"),
    ]


def test_no_file_is_an_empty_ledger(tmp_path):
    assert Ledger(tmp_path / "no_existe.jsonl").entries() == []
    assert Ledger(tmp_path / "no_existe.jsonl").head == GENESIS


def rewritten(ledger: Ledger, change) -> str:
    """What is said of the ledger after `change` of its lines."""
    lines = ledger.path.read_bytes().split(b"\n")[:-1]
    ledger.path.write_bytes(b"".join(line + b"\n" for line in change(lines)))
    return refused(LedgerError, ledger.verify)


def check_tampering_is_found_at_its_entry(folder: Path) -> None:
    ledger = two_semesters(folder)
    good = ledger.path.read_bytes()
    assert ledger.verify() == 4

    def other_rows(lines: list[bytes]) -> list[bytes]:
        return [lines[0], lines[1].replace(b'"filas":75', b'"filas":76'), *lines[2:]]

    changes = {
        2: (other_rows, lambda found: [found[0], found[2], *found[3:]], lambda found: [found[0], found[0], *found[1:]]),
        1: (lambda found: found[1:], lambda found: [found[1], found[0], *found[2:]]),
        3: (lambda found: [*found[:2], b"{}", *found[3:]], lambda found: [*found[:2], b'{"n": 3', *found[3:]]),
        4: (lambda found: [*found[:3], found[3].replace(b'":', b'": ')], lambda found: [*found[:3], found[3] + b"\r"]),
    }
    for number, tamperings in changes.items():
        for change in tamperings:
            assert f"La entrada {number} del libro" in rewritten(ledger, change)
            ledger.path.write_bytes(good)


def test_tampering_is_found_at_the_first_entry_that_it_breaks(tmp_path):
    check_tampering_is_found_at_its_entry(tmp_path)


def check_a_forged_entry_breaks_the_next(folder: Path) -> None:
    def forged(lines: list[bytes]) -> list[bytes]:
        entry = json.loads(lines[1].replace(b'"filas":75', b'"filas":76'))
        entry.pop("hash")
        entry["hash"] = hashlib.sha256(canonical(entry)).hexdigest()
        return [lines[0], canonical(entry), *lines[2:]]

    assert "La entrada 3 del libro" in rewritten(two_semesters(folder), forged)


def test_whoever_recomputes_one_hash_breaks_the_next_entry(tmp_path):
    check_a_forged_entry_breaks_the_next(tmp_path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_byte_can_change_unnoticed(tmp_path, data):
    path = tmp_path / "libro.jsonl"
    path.unlink(missing_ok=True)
    good = two_semesters(tmp_path).path.read_bytes()
    place = data.draw(st.integers(0, len(good) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda b: b != good[place]))
    path.write_bytes(good[:place] + bytes([other]) + good[place + 1 :])
    said = refused(LedgerError, Ledger(path).verify)
    number = good[:place].count(b"\n") + 1
    assert f"La entrada {number} del libro" in said or place == len(good) - 1


def test_a_tail_cut_off_is_found_only_against_what_a_release_cites(tmp_path):
    ledger = two_semesters(tmp_path)
    cited = ledger.head
    ledger.path.write_bytes(b"".join(ledger.path.read_bytes().splitlines(keepends=True)[:-1]))
    assert ledger.verify() == 3
    assert "le falta su final" in refused(LedgerError, lambda: ledger.verify(head=cited))
    assert ledger.verify(head=GENESIS) == 3


def check_the_same_act_is_told_once(folder: Path) -> None:
    ledger = two_semesters(folder)
    before = ledger.path.read_bytes()
    assert ledger.intend(PROFILE, "2025-S2", passed("c")).n == 3
    assert ledger.complete("2025-S2", passed("c")).n == 4
    assert ledger.path.read_bytes() == before


def test_the_same_act_told_twice_is_written_once(tmp_path):
    check_the_same_act_is_told_once(tmp_path)


def test_an_act_that_goes_back_to_an_older_content_is_told_again(tmp_path):
    ledger = Ledger(tmp_path / "libro.jsonl")
    for mark in ("b", "c", "b"):
        publish(ledger, "2025-S1", mark)
    assert ledger.verify() == 6


def check_semesters_go_in_order(folder: Path) -> None:
    ledger = Ledger(folder / "libro.jsonl")
    skip = lambda: ledger.intend(PROFILE, "2025-S2", passed(), known=["2025-S1"])  # noqa: E731
    assert "2025-S1 no se ha publicado" in refused(LedgerError, skip)
    assert ledger.entries() == []
    ledger.intend(PROFILE, "2025-S1", passed())
    assert "2025-S1" in refused(LedgerError, skip)
    ledger.complete("2025-S1", passed())
    skip()
    assert [e.key for e in ledger.entries()] == ["2025-S1", "2025-S1", "2025-S2"]


def test_a_semester_is_published_after_every_earlier_one_that_is_known(tmp_path):
    check_semesters_go_in_order(tmp_path)


def test_a_semester_declared_absent_lets_the_later_ones_pass(tmp_path):
    ledger = Ledger(tmp_path / "libro.jsonl")
    ledger.declare_absent("2025-S1", "El gestor documental perdió el semestre.")
    publish(ledger, "2025-S2", known=("2025-S1",))
    assert [e.kind for e in ledger.entries()] == [ABSENT, INTENT, COMPLETE]
    assert published(ledger.entries()) == {"2025-S2"}


def test_only_a_semester_can_be_absent(tmp_path):
    ledger = Ledger(tmp_path / "libro.jsonl")
    refused(PqrsdError, lambda: ledger.declare_absent("2025", "no es un semestre"))
    assert ledger.entries() == []


def test_a_published_semester_is_corrected_whatever_else_waits(tmp_path):
    ledger = two_semesters(tmp_path)
    publish(ledger, "2025-S2", "d", known=("2024-S2",))
    assert ledger.verify() == 6


def test_later_semesters_do_not_stop_an_earlier_one():
    check_sequence([], "2025-S1", ["2025-S1", "2025-S2", "2026-S1"])


def check_intent_comes_before_completion(folder: Path) -> None:
    ledger = Ledger(folder / "libro.jsonl")
    assert "intención" in refused(LedgerError, lambda: ledger.complete("2025-S1", passed()))
    ledger.intend(PROFILE, "2025-S1", passed("b"))
    assert "intención" in refused(LedgerError, lambda: ledger.complete("2025-S1", passed("c")))
    assert "intención" in refused(LedgerError, lambda: ledger.complete("2025-S1", passed("b")[:1]))
    assert "intención" in refused(LedgerError, lambda: ledger.complete("2025-S2", passed("b")))
    assert [e.kind for e in ledger.entries()] == [INTENT]


def test_what_was_not_intended_cannot_be_completed(tmp_path):
    check_intent_comes_before_completion(tmp_path)


def check_a_cut_line_is_refused_and_left_as_it_is(folder: Path) -> None:
    ledger = two_semesters(folder)
    cut = ledger.path.read_bytes()[:-7]
    ledger.path.write_bytes(cut)
    for act in (ledger.entries, ledger.verify, lambda: ledger.intend(PROFILE, "2026-S1", passed())):
        assert "La última entrada del libro está incompleta" in refused(LedgerError, act)
    assert ledger.path.read_bytes() == cut


def test_a_truncated_last_line_is_refused_and_nobody_repairs_it_in_silence(tmp_path):
    check_a_cut_line_is_refused_and_left_as_it_is(tmp_path)


def test_nothing_is_appended_to_a_ledger_that_was_altered(tmp_path):
    ledger = two_semesters(tmp_path)
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b'"filas":75', b'"filas":76', 1))
    refused(LedgerError, lambda: ledger.append("borrado", "2025-S1", {}))


def test_the_same_acts_give_the_same_bytes_whenever_they_happen(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert two_semesters(tmp_path / "a").path.read_bytes() == two_semesters(tmp_path / "b").path.read_bytes()


def test_two_that_write_at_once_never_continue_the_same_entry(tmp_path):
    def tell(number: int) -> None:
        Ledger(tmp_path / "libro.jsonl").append("prueba", f"acto-{number}", {"n": number})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tell, range(24)))
    assert Ledger(tmp_path / "libro.jsonl").verify() == 24


@pytest.mark.parametrize("content", [{"k": float("nan")}, {"k": float("inf")}])
def test_a_content_that_json_cannot_say_is_not_written(tmp_path, content):
    ledger = Ledger(tmp_path / "libro.jsonl")
    with pytest.raises(ValueError, match="JSON compliant"):
        ledger.append("prueba", "acto", content)
    assert ledger.entries() == []
