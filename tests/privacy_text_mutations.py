"""Mutations of the door that need no petitions: detectors and ledger.

What belongs here: their table. What does not: running it (`tests.test_privacy_mutations`).
"""

import re

from pipeline.privacy import detectors, ledger
from tests import test_privacy_detectors as of_detectors
from tests import test_privacy_ledger as of_ledger
from tests.privacy_mutation import Mutation, does_nothing, in_folder, item, rewritten, set_to

NEVER = re.compile(r"(?!)")

_found, _quiet = of_detectors.check_everything_is_found, of_detectors.check_what_we_publish_is_left_alone

DETECTORS = [
    *(
        Mutation(
            f"{rule} {position + 1} removed",
            item(detectors._RULES, rule, patterns[:position] + patterns[position + 1 :]),
            _found,
        )
        for rule, patterns in detectors._RULES.items()
        for position in range(len(patterns))
    ),
    *(
        Mutation(f"{name} removed", set_to(detectors, name, NEVER), _found)
        for name in ("_PLAIN", "_GROUPED", "_SPELT", "_AFTER_KEYWORD", "_NIT", "_NIT_JOINED", "_NUMBER_WITH_LETTERS")
    ),
    Mutation(
        "fractions of many digits left alone",
        rewritten(detectors, "_has_cedula", ("return not prose and bool(", "return False and bool(")),
        _found,
    ),
    Mutation(
        "six digits by thousands left alone", rewritten(detectors, "_has_cedula", ("(7 if prose else 6)", "7")), _found
    ),
    Mutation(
        "six digits by thousands found in prose",
        rewritten(detectors, "_has_cedula", ("(7 if prose else 6)", "6")),
        _quiet,
    ),
    Mutation("year and month taken for a number", does_nothing(detectors, "_is_calendar", bool), _quiet),
    Mutation("look-alikes not translated", set_to(detectors, "_LOOKALIKES", {}), _found),
    Mutation(
        "other scripts and invisible characters kept", set_to(detectors, "_plain", lambda character: character), _found
    ),
    Mutation("check digit of the NIT not computed", does_nothing(detectors, "_is_nit", lambda: True), _found),
    *(
        Mutation(
            f"harmless shape {position + 1} not taken out",
            set_to(detectors, "_HARMLESS", [p for p in detectors._HARMLESS if p is not shape]),
            _quiet,
        )
        for position, shape in enumerate(detectors._HARMLESS)
    ),
]

LEDGER = [
    Mutation(
        "sequence unchecked", does_nothing(ledger, "check_sequence"), in_folder(of_ledger.check_semesters_go_in_order)
    ),
    Mutation(
        "absences and data before unknown",
        rewritten(ledger, "check_sequence", ("recorded | set(known)", "recorded")),
        in_folder(of_ledger.check_semesters_go_in_order),
    ),
    Mutation(
        "hash of an entry unchecked",
        rewritten(ledger, "_read", (" or entry.hash != _digest(body)", "")),
        in_folder(of_ledger.check_tampering_is_found_at_its_entry),
    ),
    Mutation(
        "entry before unchecked",
        rewritten(ledger, "_read", (" or entry.prev != previous", "")),
        in_folder(of_ledger.check_a_forged_entry_breaks_the_next),
    ),
    Mutation(
        "form of an entry unchecked",
        rewritten(ledger, "_read", ("if entry.line().encode() != line:", "if False:")),
        in_folder(of_ledger.check_tampering_is_found_at_its_entry),
    ),
    Mutation(
        "hash of everything the same",
        does_nothing(ledger, "_digest", str),
        in_folder(of_ledger.check_entries_form_a_chain),
    ),
    Mutation(
        "a cut line forgiven",
        rewritten(ledger, "_read", ("if data and not data", "if False and not data")),
        in_folder(of_ledger.check_a_cut_line_is_refused_and_left_as_it_is),
    ),
    Mutation(
        "the same act told twice",
        rewritten(ledger.Ledger, "_append", ("if latest is not None and", "if False and")),
        in_folder(of_ledger.check_the_same_act_is_told_once),
    ),
    Mutation(
        "completion without intent",
        rewritten(ledger.Ledger, "complete", ("if latest is None or", "if False and")),
        in_folder(of_ledger.check_intent_comes_before_completion),
    ),
    Mutation(
        "completion of something else",
        rewritten(ledger.Ledger, "complete", (' or latest.content["tablas"] != tables', "")),
        in_folder(of_ledger.check_intent_comes_before_completion),
    ),
]
