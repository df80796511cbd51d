"""Mutations of the door: each one, applied to the running code, turns the law that it breaks red.

What belongs here: the table of mutations. What does not: the laws, which are the checks of the door's other tests.
A law goes red with AssertionError, or because the gate itself refuses what the mutation would have let out. That it is
green without the mutation is what the test of the law itself shows.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import pytest

from pipeline.contract import PrivacyClass
from pipeline.privacy import classification, detectors, floors, gate, hierarchies, judges, masks, measure, microdata
from pipeline.privacy import tables as door_tables
from pipeline.privacy.disclosed import Disclosed
from pipeline.privacy.gate import GateRefused
from pipeline.privacy.microdata import Suppressor
from pipeline.privacy.tables import Lines
from schemas.published import SUPPRESSED
from tests import test_privacy_disclosed as of_disclosed
from tests import test_privacy_gate as of_gate
from tests import test_privacy_measure as of_measure
from tests import test_privacy_microdata as of_rows
from tests import test_privacy_table_forms as of_forms
from tests import test_privacy_tables as of_tables
from tests.privacy_audit_mutations import AFTER, AUDIT
from tests.privacy_mutation import Check, Mutation, both, does_nothing, item, rewritten, set_to
from tests.privacy_text_mutations import DETECTORS, LEDGER


def of_one_frame(law: Callable[[Any, Any], None]) -> Check:
    def check() -> None:
        table = of_rows.three_topics()
        law(table, of_rows.anonymise(table))

    return check


def _sorted_rows() -> None:
    several = product(("c1", "bonda"), ("web", "callcenter"))
    table = of_rows.together(*(of_rows.three_topics(12, comuna=place, canal=channel) for place, channel in several))
    of_rows.check_rows_are_sorted(table, of_rows.anonymise(table))


_nine = of_rows.check_nine_persons_never_pass
_measures = partial(of_measure.check_measures_are_those_of_pandas, of_measure.MARKED)

FLOORS = [
    Mutation(
        f"floor of {key} lowered",
        item(bounds, key, of_gate.LOWERED[key]),
        partial(of_gate.check_a_lower_target_is_refused, key, of_gate.LOWERED[key]),
    )
    for bounds in (floors._AT_LEAST, floors._AT_MOST)
    for key in bounds
]

ROWS = [
    Mutation("k 10→9 in the suppression", rewritten(masks, "place", (">= k", ">= k - 1")), _nine),
    Mutation(
        "k 10→9 in the suppression, at the gate",
        rewritten(masks, "place", (">= k", ">= k - 1")),
        of_gate.check_class_of_nine_is_not_published,
    ),
    Mutation(
        "target 10→9 in the gate's call",
        rewritten(gate, "disclose_microdata", ("_targets(profile.privacidad.k)", "_targets(profile.privacidad.k - 1)")),
        of_gate.check_class_of_nine_is_not_published,
    ),
    Mutation(
        "k 10→9 throughout the gate",
        both(
            rewritten(gate, "disclose_microdata", ("_targets(profile.privacidad.k)", "_targets(9)")),
            rewritten(gate, "_judge_rows", ("< profile.privacidad.k", "< 9")),
            rewritten(judges, "problems_of_microdata", ("< privacy.k", "< 9")),
            lambda patch: patch.setattr(gate, "problems_of_microdata", judges.problems_of_microdata),
        ),
        of_gate.check_class_of_nine_is_not_published,
    ),
    Mutation(
        "rows counted instead of persons",
        rewritten(masks.Items, "heads", ("self.persons is None", "True")),
        of_rows.check_who_files_often_is_one_person,
    ),
    *(
        Mutation(
            f"«{column}» dropped from the class columns",
            rewritten(masks, "place", ("np.unique(shown", f"np.unique(shown & ~{of_rows.field_of(column)}")),
            law,
        )
        for column, law in (("sexo", _nine), ("canal", of_rows.check_nine_by_channel_never_pass))
    ),
    Mutation(
        "marker a wildcard in the suppression",
        rewritten(
            masks,
            "place",
            (
                "items.heads(left, member, len(found))",
                "np.array([items.heads(np.flatnonzero(items.key & pattern.keep == f), "
                "np.zeros(sum(items.key & pattern.keep == f), int), 1)[0] for f in found])",
            ),
        ),
        _nine,
    ),
    Mutation(
        "marker a wildcard in the recount",
        rewritten(
            measure,
            "recount",
            (
                "size = rows.count()",
                f"rows = rows.mutate(**{{c: rows[c].nullif({SUPPRESSED!r}).fill_null('a') for c in columns}})\n"
                "        size = rows.count()",
            ),
        ),
        _measures,
    ),
    Mutation(
        "a column dropped from the recount",
        rewritten(measure, "recount", ("group_by(list(columns))", "group_by(list(columns)[:-1])")),
        _measures,
    ),
    Mutation(
        "a column dropped from the second recount",
        rewritten(measure, "_keys", ("for name in columns:", "for name in list(columns)[:-1]:")),
        _measures,
    ),
    Mutation(
        "rows for persons in the second recount",
        rewritten(measure, "recount_in_numpy", ("np.bincount(np.unique(member * size + who) // size)", "n_rows")),
        _measures,
    ),
    Mutation(
        "unidentified filings many persons in the recount",
        rewritten(measure, "_persons", (".isnull().any()", ".isnull().sum()")),
        _measures,
    ),
    Mutation(
        "unidentified filings many persons",
        rewritten(
            microdata,
            "suppressor",
            ("coalesce(persona, {UNIDENTIFIED})", "coalesce(persona, 1000000 + row_number() OVER ())"),
        ),
        of_rows.check_unidentified_are_one_person,
    ),
    Mutation(
        "minors kept",
        set_to(classification, "eligible", classification.characterisable),
        of_rows.check_minors_never_appear,
    ),
    Mutation(
        "minor age groups unseen by the gate",
        does_nothing(judges, "_minor_values", list),
        of_gate.check_a_minor_age_group_is_refused,
    ),
    Mutation(
        "unauthorised kept",
        set_to(classification, "characterisable", lambda petitions: petitions),
        of_rows.check_unauthorised_never_appear,
    ),
    Mutation(
        "topics left undiverse", does_nothing(Suppressor, "_diversify"), of_rows.check_undiverse_topics_are_hidden
    ),
    Mutation(
        "a row published twice",
        rewritten(Suppressor, "_published", ("FROM {_ROWS} JOIN", "FROM (FROM {_ROWS} UNION ALL FROM {_ROWS}) JOIN")),
        of_one_frame(of_rows.check_no_row_is_invented),
    ),
    Mutation(
        "hidden cells not counted",
        rewritten(Suppressor, "_hidden_cells", ("= 0), 0)", "= 1), 0)")),
        of_rows.check_hidden_cells_of_ten,
    ),
    Mutation(
        "rows in the order of their keys",
        rewritten(Suppressor, "_published", ("values = sorted(", "values = list(")),
        _sorted_rows,
    ),
    Mutation(
        "values outside the hierarchy unseen",
        does_nothing(hierarchies, "check_seen"),
        of_measure.check_unknown_values_are_refused,
    ),
]

GATE = [
    Mutation(
        "classes of the contract unchecked",
        does_nothing(classification, "check_contract"),
        partial(of_gate.check_a_restricted_column_may_not_leave, PrivacyClass.SENSITIVE),
    ),
    Mutation(
        "classes of the fields unchecked",
        does_nothing(classification, "check_fields"),
        of_gate.check_a_sensitive_field_may_not_leave_under_another_name,
    ),
    Mutation(
        "second measure of k not compared",
        rewritten(
            gate,
            "_judge_rows",
            ("if persons != measure.recount_in_numpy", "if False and persons != measure.recount_in_numpy"),
        ),
        partial(of_gate.check_two_measures_must_agree, "recount_in_numpy"),
    ),
    Mutation(
        "detectors not asked",
        does_nothing(judges, "detector_problems", list),
        partial(of_gate.check_personal_data_is_refused, of_gate.CANARY, "cedula"),
    ),
    Mutation(
        "few left out counted aloud", set_to(gate, "_pair", dict), of_gate.check_few_left_out_are_not_counted_aloud
    ),
    Mutation(
        "anybody makes a Disclosed",
        does_nothing(Disclosed, "__post_init__"),
        of_disclosed.check_nobody_makes_a_disclosed,
    ),
    Mutation(
        "sealed bytes unchecked",
        rewritten(Disclosed, "table", ("!= self.sha256", "== 0")),
        of_disclosed.check_tampered_bytes_are_refused,
    ),
]

TABLES = [
    Mutation(
        "primary threshold 5→4",
        rewritten(Lines, "suppress", ("cell.persons < cell.threshold", "cell.persons < cell.threshold - 1")),
        of_tables.check_thresholds,
    ),
    Mutation(
        "threshold 5→4 in the gate's call",
        rewritten(gate, "disclose_tables", ("=privacy.umbral_tabla,", "=privacy.umbral_tabla - 1,")),
        of_tables.check_the_gate_asks_for_both_thresholds,
    ),
    Mutation(
        "sensitive threshold 10→9",
        rewritten(gate, "disclose_tables", ("=privacy.umbral_tabla_sensible,", "=privacy.umbral_tabla_sensible - 1,")),
        of_tables.check_the_gate_asks_for_both_thresholds,
    ),
    Mutation(
        "sensitive attributes unseen",
        does_nothing(classification, "is_sensitive", bool),
        partial(of_tables.check_a_sensitive_attribute_makes_a_table_sensitive, "victima"),
    ),
    Mutation(
        "secondary suppression skipped",
        rewritten(Lines, "suppress", ("self._protect_lines()", "return")),
        of_tables.check_no_line_has_a_single_withheld_cell,
    ),
    Mutation(
        "secondary suppression skipped, gate blind",
        both(
            rewritten(Lines, "suppress", ("self._protect_lines()", "return")),
            does_nothing(door_tables, "recoverable", dict),
        ),
        of_tables.check_no_line_has_a_single_withheld_cell,
    ),
    Mutation(
        "persons of withheld cells not summed",
        rewritten(
            Lines, "gives_away", (" or sum(cell.persons for cell in hidden) - alone < self._needed(line, hidden)", "")
        ),
        of_tables.check_small_cells_together_take_a_companion,
    ),
    Mutation(
        "persons alone in a cell forgotten",
        rewritten(Lines, "gives_away", ("alone = len(hidden) == 2", "alone = False")),
        of_tables.check_the_person_alone_in_a_cell_learns_nothing,
    ),
    Mutation(
        "combinations of lines not looked at",
        does_nothing(door_tables, "deduced", dict),
        of_tables.check_bridges_are_widened,
    ),
    Mutation(
        "100 % rule removed",
        does_nothing(door_tables.Grid, "telling", set),
        of_tables.check_a_whole_margin_is_withheld,
    ),
    Mutation(
        "median threshold lowered",
        set_to(door_tables, "persons_behind", lambda share, threshold: 9),
        of_tables.check_medians_need_ten_persons,
    ),
    Mutation(
        "median threshold lowered everywhere",
        both(
            set_to(door_tables, "persons_behind", lambda share, threshold: 2 * threshold - 1),
            set_to(gate, "persons_behind", lambda share, threshold: 9),
        ),
        of_tables.check_medians_need_ten_persons,
    ),
    Mutation(
        "legal tables may cross",
        rewritten(door_tables, "_treatment", ("len(spec.dimensiones) != 1 or ", "")),
        partial(of_forms.check_a_legal_table_is_refused, of_forms.CROSSES),
    ),
    Mutation(
        "legal tables need cite nothing",
        rewritten(door_tables, "_treatment", (" or not spec.base_legal", "")),
        partial(of_forms.check_a_legal_table_is_refused, of_forms.CITES_NOTHING),
    ),
    Mutation(
        "public recheck blind to leaks",
        does_nothing(door_tables, "recoverable", dict),
        of_tables.check_planted_leaks_are_found,
    ),
    Mutation(
        "public recheck blind to small counts",
        does_nothing(judges, "_small_counts", list),
        of_tables.check_small_public_counts_are_found,
    ),
]


MUTATIONS = [*FLOORS, *ROWS, *GATE, *TABLES, *AUDIT, *AFTER, *DETECTORS, *LEDGER]


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
    mutation.change(monkeypatch)
    with pytest.raises((AssertionError, GateRefused)):
        mutation.law()
    caught.append(mutation.name)
