"""Mutations of the joint audit, of companions, and of what happens after publication.

What belongs here: their table. What does not: running it (`tests.test_privacy_mutations`).
"""

from functools import partial

import numpy as np
import pytest

from pipeline.privacy import companions, corrections, hidden, joint, ledger, passage
from pipeline.privacy.corrections import _Shown, _Together
from pipeline.privacy.intervals import Interval, _Solved
from pipeline.privacy.joint import Auditor
from pipeline.privacy.ledger import Entry
from pipeline.privacy.passage import Passage
from tests import test_privacy_audit as of_audit
from tests import test_privacy_corrections as of_corrections
from tests import test_privacy_joint as of_joint
from tests.privacy_mutation import Check, Mutation, does_nothing, in_folder, rewritten


def _unless_withdrawn(entries: list[Entry]) -> list[Entry]:
    return [] if any(e.kind == ledger.WITHDRAWN for e in entries) else entries


ledger._unless_withdrawn = _unless_withdrawn  # type: ignore[attr-defined]


def _patched(law) -> Check:  # a law that itself puts something out of action
    def check() -> None:
        with pytest.MonkeyPatch.context() as patch:
            law(patch)

    return check


_sparse = partial(
    of_joint.check_whatever_is_withheld_is_hidden_in_the_end, np.array([[2, 9, 6], [9, 12, 6], [25, 9, 1]])
)
_few, _masks = (
    of_joint.check_few_hidden_rows_are_hidden_from_subtraction,
    of_corrections.check_masks_of_two_editions_are_one_mask,
)
_by_threshold = of_corrections.check_a_cell_changes_by_nothing_or_by_the_threshold

AUDIT = [
    Mutation(
        "a cell one value too narrow passes",
        rewritten(Interval, "hides", ("max(threshold - 1, 1)", "max(threshold - 2, 1)")),
        of_audit.check_hidden_is_threshold_minus_one_wide,
    ),
    Mutation(
        "whole numbers taken for fractions",
        rewritten(_Solved, "_push", ("self._open(i, width)", "False")),
        of_audit.check_whole_numbers_say_more,
    ),
    Mutation("companions not chosen", does_nothing(companions._Mover, "withhold_for", list), _sparse),
    Mutation(
        "dear companions as good as cheap ones",
        rewritten(companions._Mover, "__init__", ("price[n] = cost *", "price[n] = 1 / cost *")),
        of_joint.check_the_cheapest_companions_go,
    ),
    Mutation(
        "the gate does not audit again",
        does_nothing(Auditor, "judge", lambda: (0, 0)),
        _patched(of_joint.check_the_gate_audits_what_it_reads_again),
    ),
    Mutation(
        "few hidden rows are no cells",
        rewritten(joint, "_add_families", ("if target in around.few_hidden:", "if False:")),
        _few,
    ),
    Mutation(
        "microdata left out of the system",
        does_nothing(joint._Counted, "has", bool),
        of_joint.check_the_microdata_bound_a_detail,
    ),
    Mutation(
        "hidden requests counted as persons",
        rewritten(hidden, "few_hidden", ('row["personas"] - persons', 'row["solicitudes"] - requests')),
        of_joint.check_few_hidden_counts_persons,
    ),
    Mutation(
        "persons free of requests",
        does_nothing(joint, "_persons_within_requests"),
        of_joint.check_persons_are_at_most_requests,
    ),
    Mutation("law left out of the system", does_nothing(joint, "_add_law"), of_joint.check_the_law_bounds),
]

AFTER = [
    Mutation(
        "a change below the threshold passes",
        rewritten(_Shown, "__init__", ("min(axis=1) < least", "min(axis=1) < least - 1")),
        _by_threshold,
    ),
    Mutation(
        "changes not looked at",
        rewritten(_Shown, "__init__", ("int((any_change & ", "0 * int((any_change & ")),
        _by_threshold,
    ),
    Mutation(
        "persons of changes not counted",
        rewritten(_Shown, "__init__", ("min(axis=1) < least", "max(axis=1) < least")),
        of_corrections.check_persons_count_where_they_are_published,
    ),
    Mutation(
        "changes of withheld cells not looked at",
        does_nothing(_Together, "deduced_changes", int),
        of_corrections.check_few_changes_between_withheld_cells_are_few,
    ),
    Mutation("editions not audited together", does_nothing(_Together, "uncovered", int), _masks),
    Mutation(
        "groups of rows compared whole only",
        rewritten(corrections, "few_row_groups", ("range(len(columns) + 1)", "range(1)")),
        of_corrections.check_groups_of_rows_change_by_k_or_not_at_all,
    ),
    Mutation(
        "nine rows less pass",
        rewritten(corrections, "few_row_groups", ("(net < k)", "(net < k - 1)")),
        of_corrections.check_groups_of_rows_change_by_k_or_not_at_all,
    ),
    Mutation(
        "withdrawn editions forgotten",
        rewritten(passage, "editions", ("for entry in entries:", "for entry in _unless_withdrawn(entries):")),
        in_folder(of_corrections.check_a_withdrawn_edition_is_still_known),
    ),
    Mutation(
        "corrections always pass",
        rewritten(Passage, "decide", ("before[-1] == now | {ROW_SUMMARY.name: counts.sha256}", "True")),
        in_folder(of_corrections.check_what_is_public_is_corrected_only_after_its_audit),
    ),
]
