"""Mutations of the door: each one, applied to the running code, turns the law that it breaks red.

What belongs here: the table of mutations. What does not: the laws, which are the checks of the door's other tests.
A law goes red with AssertionError, or because the gate itself refuses what the mutation would have let out.
"""

import inspect
import re
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from pipeline.contract import PrivacyClass
from pipeline.privacy import classification, detectors, floors, gate, hierarchies, judges, ledger, measure, microdata
from pipeline.privacy import tables as door_tables
from pipeline.privacy.disclosed import Disclosed
from pipeline.privacy.gate import GateRefused
from pipeline.privacy.microdata import Suppressor
from pipeline.privacy.tables import Lines
from tests import test_privacy_detectors as of_detectors
from tests import test_privacy_gate as of_gate
from tests import test_privacy_ledger as of_ledger
from tests import test_privacy_microdata as of_rows
from tests import test_privacy_tables as of_tables

Check = Callable[[], None]
Change = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Mutation:
    """What is changed and which law must notice."""

    name: str
    change: Change
    law: Check


def set_to(owner: Any, name: str, value: Any) -> Change:
    """The attribute has another value."""
    return lambda patch: patch.setattr(owner, name, value)


def item(owner: Any, key: Any, value: Any) -> Change:
    """The entry of a mapping or a list has another value."""
    return lambda patch: patch.setitem(owner, key, value)


def does_nothing(owner: Any, name: str, answer: Callable[[], Any] = lambda: None) -> Change:
    """The function is not called: its answer is always the same."""
    return set_to(owner, name, lambda *_, **__: answer())


def rewritten(owner: Any, name: str, *changes: tuple[str, str]) -> Change:
    """The function with other words in its source; a mutation whose words are gone is an error and not a pass."""

    def change(patch: pytest.MonkeyPatch) -> None:
        function = getattr(owner, name)
        source = textwrap.dedent(inspect.getsource(function))
        for old, new in changes:
            if old not in source:
                raise LookupError(f"{name} no longer says {old!r}")
            source = source.replace(old, new)
        made: dict[str, Any] = {}
        exec(compile(source, f"<mutation of {name}>", "exec"), sys.modules[function.__module__].__dict__, made)
        patch.setattr(owner, name, made[name])

    return change


def both(*changes: Change) -> Change:
    def change(patch: pytest.MonkeyPatch) -> None:
        for one in changes:
            one(patch)

    return change


def in_folder(law: Callable[[Path], None]) -> Check:
    def check() -> None:
        with tempfile.TemporaryDirectory() as folder:
            law(Path(folder))

    return check


def of_one_frame(law: Callable[[Any, Any], None]) -> Check:
    def check() -> None:
        table = of_rows.three_topics()
        law(table, of_rows.anonymise(table))

    return check


def _sorted_rows() -> None:
    table = of_rows.together(*(of_rows.three_topics(12, comuna=c, canal=m) for c in ("c1", "bonda") for m in ("web", "callcenter")))  # fmt: skip
    of_rows.check_rows_are_sorted(table, of_rows.anonymise(table))


NEVER = re.compile(r"(?!)")

_nine = of_rows.check_nine_persons_never_pass
_measures = partial(of_rows.check_measures_are_those_of_pandas, of_rows.MARKED)

FLOORS = [
    Mutation(f"floor of {key} lowered", item(bounds, key, of_gate.LOWERED[key]), partial(of_gate.check_a_lower_target_is_refused, key, of_gate.LOWERED[key]))
    for bounds in (floors._AT_LEAST, floors._AT_MOST)
    for key in bounds
]  # fmt: skip

ROWS = [
    Mutation("k 10→9 in the suppression", rewritten(Suppressor, "_accept", (">= {k}", ">= {k - 1}")), _nine),
    Mutation("k 10→9 in the suppression, at the gate", rewritten(Suppressor, "_accept", (">= {k}", ">= {k - 1}")), of_gate.check_class_of_nine_is_not_published),
    Mutation("target 10→9 in the gate's call", rewritten(gate, "disclose_microdata", ("_targets(profile.privacidad.k)", "_targets(profile.privacidad.k - 1)")), of_gate.check_class_of_nine_is_not_published),
    Mutation("k 10→9 throughout the gate", both(
        rewritten(gate, "disclose_microdata", ("_targets(profile.privacidad.k)", "_targets(9)")),
        rewritten(gate, "_judge_rows", ("< profile.privacidad.k", "< 9")),
        rewritten(judges, "problems_of_microdata", ("< privacy.k", "< 9")),
        lambda patch: patch.setattr(gate, "problems_of_microdata", judges.problems_of_microdata),
    ), of_gate.check_class_of_nine_is_not_published),
    Mutation("rows counted instead of persons", rewritten(Suppressor, "_accept", ("HAVING count(DISTINCT persona)", "HAVING sum(filas)")), of_rows.check_who_files_often_is_one_person),
    *(
        Mutation(f"«{column}» dropped from the class columns", rewritten(Suppressor, "_accept", (
            "clave & {mask} AS clase", f"clave & {{mask & ~self.packing.field(['{column}'])}} AS clase"),
            ("WHERE clave & {mask} ", f"WHERE clave & {{mask & ~self.packing.field(['{column}'])}} ")), law)
        for column, law in (("sexo", _nine), ("canal", of_rows.check_nine_by_channel_never_pass))
    ),
    Mutation("marker a wildcard in the suppression", rewritten(Suppressor, "_accept", ("AS clase FROM {_LEFT}", "AS clase FROM {_PAIRS}")), _nine),
    Mutation("marker a wildcard in the recount", rewritten(measure, "recount", ("as rows:\n", "as rows:\n        rows = rows.mutate(**{c: rows[c].nullif(SUPPRESSED).fill_null('a') for c in columns})\n")), _measures),
    Mutation("a column dropped from the recount", rewritten(measure, "recount", ("group_by(list(columns))", "group_by(list(columns)[:-1])")), _measures),
    Mutation("a column dropped from the second recount", rewritten(measure, "recount_in_numpy", ("for name in columns]", "for name in list(columns)[:-1]]")), _measures),
    Mutation("rows for persons in the second recount", rewritten(measure, "recount_in_numpy", ("n_persons = np.bincount(pairs[:, 0])", "n_persons = n_rows")), _measures),
    Mutation("unidentified filings many persons in the recount", rewritten(measure, "_persons", (".isnull().any()", ".isnull().sum()")), _measures),
    Mutation("unidentified filings many persons", rewritten(microdata, "suppressor", ("coalesce(persona, {UNIDENTIFIED})", "coalesce(persona, -row_number() OVER ())")), of_rows.check_unidentified_are_one_person),
    Mutation("minors kept", set_to(classification, "eligible", classification.characterisable), of_rows.check_minors_never_appear),
    Mutation("minor age groups unseen by the gate", does_nothing(judges, "_minor_values", list), of_gate.check_a_minor_age_group_is_refused),
    Mutation("unauthorised kept", set_to(classification, "characterisable", lambda petitions: petitions), of_rows.check_unauthorised_never_appear),
    Mutation("topics left undiverse", does_nothing(Suppressor, "_diversify"), of_rows.check_undiverse_topics_are_hidden),
    Mutation("a row published twice", rewritten(Suppressor, "_published", ("FROM {_ROWS} JOIN", "FROM (FROM {_ROWS} UNION ALL FROM {_ROWS}) JOIN")), of_one_frame(of_rows.check_no_row_is_invented)),
    Mutation("hidden cells not counted", rewritten(Suppressor, "_hidden_cells", ("= 0), 0)", "= 1), 0)")), of_rows.check_hidden_cells_of_ten),
    Mutation("rows in the order of their keys", rewritten(Suppressor, "_published", ("values = sorted(", "values = list(")), _sorted_rows),
    Mutation("values outside the hierarchy unseen", does_nothing(hierarchies, "check_seen"), of_rows.check_unknown_values_are_refused),
]  # fmt: skip

GATE = [
    Mutation("classes of the contract unchecked", does_nothing(classification, "check_contract"), partial(of_gate.check_a_restricted_column_may_not_leave, PrivacyClass.SENSITIVE)),
    Mutation("classes of the fields unchecked", does_nothing(classification, "check_fields"), of_gate.check_a_sensitive_field_may_not_leave_under_another_name),
    Mutation("second measure of k not compared", rewritten(gate, "_judge_rows", ("if persons != measure.recount_in_numpy", "if False and persons != measure.recount_in_numpy")), partial(of_gate.check_two_measures_must_agree, "recount_in_numpy")),
    Mutation("detectors not asked", does_nothing(judges, "detector_problems", list), partial(of_gate.check_personal_data_is_refused, of_gate.CANARY, "cedula")),
    Mutation("few left out counted aloud", set_to(gate, "_pair", dict), of_gate.check_few_left_out_are_not_counted_aloud),
    Mutation("anybody makes a Disclosed", does_nothing(Disclosed, "__post_init__"), of_gate.check_nobody_makes_a_disclosed),
    Mutation("sealed bytes unchecked", rewritten(Disclosed, "table", ("!= self.sha256", "== 0")), of_gate.check_tampered_bytes_are_refused),
]  # fmt: skip

TABLES = [
    Mutation("primary threshold 5→4", rewritten(Lines, "suppress", ("cell.persons < cell.threshold", "cell.persons < cell.threshold - 1")), of_tables.check_thresholds),
    Mutation("threshold 5→4 in the gate's call", rewritten(gate, "disclose_tables", ("=privacy.umbral_tabla,", "=privacy.umbral_tabla - 1,")), of_tables.check_thresholds),
    Mutation("sensitive threshold 10→9", rewritten(gate, "disclose_tables", ("=privacy.umbral_tabla_sensible,", "=privacy.umbral_tabla_sensible - 1,")), of_tables.check_thresholds),
    Mutation("sensitive attributes unseen", does_nothing(classification, "is_sensitive", bool), partial(of_tables.check_a_sensitive_attribute_makes_a_table_sensitive, "victima")),
    Mutation("secondary suppression skipped", rewritten(Lines, "suppress", ("self._protect_lines()", "return")), of_tables.check_no_line_has_a_single_withheld_cell),
    Mutation("secondary suppression skipped, gate blind", both(rewritten(Lines, "suppress", ("self._protect_lines()", "return")), does_nothing(door_tables, "recoverable", dict)), of_tables.check_no_line_has_a_single_withheld_cell),
    Mutation("persons of withheld cells not summed", rewritten(Lines, "gives_away", (" or sum(cell.persons for cell in hidden) - alone < self._needed(line, hidden)", "")), of_tables.check_small_cells_together_take_a_companion),
    Mutation("persons alone in a cell forgotten", rewritten(Lines, "gives_away", ("alone = len(hidden) == 2", "alone = False")), of_tables.check_the_person_alone_in_a_cell_learns_nothing),
    Mutation("combinations of lines not looked at", does_nothing(door_tables, "determined", set), of_tables.check_bridges_are_widened),
    Mutation("100 % rule removed", does_nothing(door_tables._Grid, "telling", set), of_tables.check_a_whole_margin_is_withheld),
    Mutation("median threshold lowered", set_to(door_tables, "MEDIAN_PERSONS", 9), of_tables.check_medians_need_ten_persons),
    Mutation("median threshold lowered everywhere", both(set_to(door_tables, "MEDIAN_PERSONS", 9), set_to(floors, "MEDIAN_PERSONS", 9)), of_tables.check_medians_need_ten_persons),
    Mutation("legal tables may cross", rewritten(door_tables, "_treatment", ("len(spec.dimensiones) != 1 or ", "")), partial(of_tables.check_a_legal_table_is_refused, of_tables.CROSSES)),
    Mutation("legal tables need cite nothing", rewritten(door_tables, "_treatment", (" or not spec.base_legal", "")), partial(of_tables.check_a_legal_table_is_refused, of_tables.CITES_NOTHING)),
    Mutation("public recheck blind to leaks", does_nothing(door_tables, "recoverable", dict), of_tables.check_planted_leaks_are_found),
    Mutation("public recheck blind to small counts", does_nothing(judges, "_small_counts", list), of_tables.check_small_public_counts_are_found),
]  # fmt: skip


def without(rule: str, position: int) -> Change:
    return lambda patch: patch.setitem(detectors._RULES[rule], position, NEVER)


_found, _quiet = of_detectors.check_everything_is_found, of_detectors.check_what_we_publish_is_left_alone

DETECTORS = [
    *(
        Mutation(f"{rule} {position + 1} removed", without(rule, position), _found)
        for rule, patterns in detectors._RULES.items()
        for position in range(len(patterns))
    ),
    *(
        Mutation(f"{name} removed", set_to(detectors, name, NEVER), _found)
        for name in ("_PLAIN", "_GROUPED", "_SPELT", "_AFTER_KEYWORD", "_NIT", "_NIT_JOINED", "_NUMBER_WITH_LETTERS")
    ),
    Mutation("fractions of many digits left alone", rewritten(detectors, "_has_cedula", ("return not prose and bool(", "return False and bool(")), _found),
    Mutation("six digits by thousands left alone", rewritten(detectors, "_has_cedula", ("(7 if prose else 6)", "7")), _found),
    Mutation("six digits by thousands found in prose", rewritten(detectors, "_has_cedula", ("(7 if prose else 6)", "6")), _quiet),
    Mutation("year and month taken for a number", does_nothing(detectors, "_is_calendar", bool), _quiet),
    Mutation("look-alikes not translated", set_to(detectors, "_LOOKALIKES", {}), _found),
    Mutation("other scripts and invisible characters kept", set_to(detectors, "_plain", lambda character: character), _found),
    Mutation("check digit of the NIT not computed", does_nothing(detectors, "_is_nit", lambda: True), _found),
    *(
        Mutation(f"harmless shape {position + 1} not taken out", item(detectors._HARMLESS, position, NEVER), _quiet)
        for position in range(len(detectors._HARMLESS))
    ),
]  # fmt: skip

LEDGER = [
    Mutation("sequence unchecked", does_nothing(ledger, "check_sequence"), in_folder(of_ledger.check_semesters_go_in_order)),
    Mutation("absences and data before unknown", rewritten(ledger, "check_sequence", ("recorded | set(known)", "recorded")), in_folder(of_ledger.check_semesters_go_in_order)),
    Mutation("hash of an entry unchecked", rewritten(ledger, "_read", (" or entry.hash != _digest(body)", "")), in_folder(of_ledger.check_tampering_is_found_at_its_entry)),
    Mutation("entry before unchecked", rewritten(ledger, "_read", (" or entry.prev != previous", "")), in_folder(of_ledger.check_a_forged_entry_breaks_the_next)),
    Mutation("form of an entry unchecked", rewritten(ledger, "_read", ("if entry.line().encode() != line:", "if False:")), in_folder(of_ledger.check_tampering_is_found_at_its_entry)),
    Mutation("hash of everything the same", does_nothing(ledger, "_digest", str), in_folder(of_ledger.check_entries_form_a_chain)),
    Mutation("a cut line forgiven", rewritten(ledger, "_read", ("if data and not data", "if False and not data")), in_folder(of_ledger.check_a_cut_line_is_refused_and_left_as_it_is)),
    Mutation("the same act told twice", rewritten(ledger.Ledger, "_append", ("if latest is not None and", "if False and")), in_folder(of_ledger.check_the_same_act_is_told_once)),
    Mutation("completion without intent", rewritten(ledger.Ledger, "complete", ("if latest is None or", "if False and")), in_folder(of_ledger.check_intent_comes_before_completion)),
    Mutation("completion of something else", rewritten(ledger.Ledger, "complete", (" or latest.content[\"tablas\"] != tables", "")), in_folder(of_ledger.check_intent_comes_before_completion)),
]  # fmt: skip

MUTATIONS = [*FLOORS, *ROWS, *GATE, *TABLES, *DETECTORS, *LEDGER]


@cache
def is_green(law: Check) -> bool:
    law()
    return True


@pytest.fixture(scope="module")
def caught(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """The mutations that were caught; at the end says how many of how many."""
    of_gate.good()  # made by the code as it is
    names: list[str] = []
    yield names
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        sys.stdout.write(f"\nmutations of the door caught: {len(names)} of {len(MUTATIONS)}\n")


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    detectors._fired.cache_clear()
    yield
    detectors._fired.cache_clear()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name)
def test_it_turns_its_law_red(mutation, monkeypatch, caught):
    assert is_green(mutation.law)
    detectors._fired.cache_clear()
    mutation.change(monkeypatch)
    with pytest.raises((AssertionError, GateRefused)):
        mutation.law()
    caught.append(mutation.name)
