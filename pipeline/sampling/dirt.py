"""From clean petitions to the rows of dirty extracts: faults, copies, several rows for one petition, canaries, order.

What belongs here: dirt under which a petition still stands, and the order of rows in files. What does not: rejected
rows (`faults`), spellings and files (`spelling`, `writing`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.sampling import odds
from pipeline.sampling.canaries import FREE_TEXT, IDENTITY, Canaries
from pipeline.sampling.draws import BLANK, NO_DAY, Array, Columns, chance, stack, take
from pipeline.sampling.faults import DATES, Faults, day_and_month, swap
from pipeline.sampling.people import positions
from pipeline.sampling.petitions import Draw
from pipeline.sampling.rows import Defect, Fate, Rows
from pipeline.sampling.terms import day_number

_DAY = 86_400
_UNUSED = np.int8(-1)


@dataclass(frozen=True)
class ExtractFile:
    """One file to write: its name, its source's position, and the row number of its first record."""

    name: str
    source: int
    first_row: int


@dataclass(frozen=True)
class Planted:
    """The rows in file order, and what was planted that their destinies alone do not tell."""

    rows: Rows
    files: tuple[ExtractFile, ...]
    canaries: dict[str, list[str]]
    found_swaps: dict[str, int]
    unnoticed_swaps: int


def spare_rows(size: int) -> int:
    """How many petitions to draw beyond `size`, to be spoilt and rejected; what is not needed is thrown away."""
    return max(1_500, size // 12)


def plant(draw: Draw, petitions: Columns, size: int) -> Planted:
    """The rows of the extracts: `size` petitions stand, the rest are faults, copies and further rows of the same."""
    rng = draw.stream("suciedad")
    files = extract_files(draw)
    rows = Rows(_initial(draw, petitions, size, rng))
    faults = Faults(draw, rows, size, rng)
    found_swaps = faults.plant()

    untouched = rows.columns["destino"] == Fate.ACEPTADA
    untouched[faults.shared_radicado] = False
    unnoticed = _unnoticed_swaps(draw, rows, untouched, rng)
    untouched[unnoticed] = False
    plain = untouched & faults.plain
    bases = _several_rows(draw, rows, plain, rng)
    plain[bases] = False
    orfeo = rows.columns["fuente"] == draw.sources.index("orfeo")
    floats = np.zeros(len(rows), dtype=bool)
    floats[: len(plain)] = plain & orfeo[: len(plain)] & chance(rng, 0.008, len(plain))
    rows.columns["flotante"] = floats
    canaries = _sing(draw, rows, np.flatnonzero(plain & ~floats[: len(plain)]), rng)
    _copies(rows, canaries.marked, files, rng)
    return Planted(_arranged(rows), files, canaries.planted, found_swaps, len(unnoticed))


def extract_files(draw: Draw) -> tuple[ExtractFile, ...]:
    """The files of a semester, in the order of their names: the first source comes in two halves."""
    files = []
    for i, source in enumerate(draw.profile.fuentes):
        parts = ("_1", "_2") if source.id == "orfeo" else ("",)
        files += [
            ExtractFile(source.archivos.replace("*", f"{draw.semester.label}{part}"), i, source.header_end + 1)
            for part in parts
        ]
    return tuple(sorted(files, key=lambda f: f.name))


def _initial(draw: Draw, petitions: Columns, size: int, rng: np.random.Generator) -> Columns:
    total = len(petitions["fuente"])
    columns = dict(petitions)
    columns["clave"] = np.arange(total, dtype=np.int64)
    columns["asunto_tema"] = petitions["tema"]
    desk = petitions["fuente"] == draw.sources.index("ventanilla")
    for name, share in (("tema", 0.006), ("dependencia", 0.003), ("canal", 0.003)):
        blank = chance(rng, share, total) & ~(desk & (name == "canal"))
        columns[name] = np.where(blank, BLANK, petitions[name]).astype(np.int8)
    columns["destino"] = np.where(np.arange(total) < size, Fate.ACEPTADA, _UNUSED).astype(np.int8)
    columns["regla"] = np.full(total, BLANK, dtype=np.int16)
    columns["defecto"] = np.full(total, Defect.NONE, dtype=np.int8)
    columns["orden"] = petitions["recepcion_dia"].astype(np.float64) * _DAY + petitions["recepcion_seg"]
    middle = (day_number(draw.semester.start) + day_number(draw.semester.end)) // 2
    first_file = {f.source: i for i, f in reversed(list(enumerate(extract_files(draw))))}
    file = np.asarray([first_file[i] for i in range(len(draw.sources))], dtype=np.int8)[petitions["fuente"]]
    second_half = (petitions["fuente"] == draw.sources.index("orfeo")) & (petitions["recepcion_dia"] > middle)
    columns["archivo"] = (file + second_half).astype(np.int8)
    columns["respuesta_final"] = petitions["respuesta_dia"].copy()
    columns["estado_final"] = petitions["estado"].copy()
    return columns


def _unnoticed_swaps(draw: Draw, rows: Rows, untouched: Array, rng: np.random.Generator) -> Array:
    """Day and month exchanged within the semester: the petition stands on a day that is not its own."""
    columns, semester = rows.columns, draw.semester
    day, month = day_and_month(columns["recepcion_dia"])
    length, _ = draw.terms.term(columns["tipo"], columns["recepcion_dia"])
    candidates = np.flatnonzero(
        untouched
        & (columns["fuente"] == draw.sources.index("orfeo"))
        & (day <= 12)
        & (day != month)
        & (length > 0)
        & (columns["traslado_dia"] == NO_DAY)
        & (columns["prorroga_dia"] == NO_DAY)
    )
    exchanged = swap(columns["recepcion_dia"], candidates, semester.year)
    moved = take(columns, candidates) | {"recepcion_dia": exchanged}
    open_ = moved["respuesta_dia"] == NO_DAY
    certain = (
        (exchanged >= day_number(semester.start))
        & (exchanged <= day_number(semester.end))
        & (exchanged != moved["respuesta_dia"])
        & ~(open_ & (draw.terms.due(moved) == draw.terms.cutoff))
    )
    candidates, exchanged = candidates[certain], exchanged[certain]
    wanted = min(len(candidates), max(3, round(0.003 * untouched.sum())))
    chosen = np.sort(rng.permutation(len(candidates))[:wanted])
    columns["recepcion_dia"][candidates[chosen]] = exchanged[chosen]
    return np.asarray(candidates[chosen])


def _several_rows(draw: Draw, rows: Rows, plain: Array, rng: np.random.Generator) -> Array:
    """Petitions with several motives, a row each: same radicado, day and document; appended to `rows`."""
    columns = rows.columns
    closed = np.isin(columns["estado"], positions(draw.profile, "estado", ["respondida", "cerrada"]))
    answer = columns["respuesta_dia"]
    candidates = np.flatnonzero(
        plain
        & (columns["tema"] != BLANK)
        & (columns["dependencia"] != BLANK)
        & (columns["canal"] != BLANK)
        & (columns["estado"] != BLANK)
        & (columns["traslado_dia"] == NO_DAY)
        & (columns["prorroga_dia"] == NO_DAY)
        & np.where(answer == NO_DAY, ~closed, answer > columns["recepcion_dia"])
    )
    wanted = min(len(candidates), max(8, round(0.012 * plain.sum())))
    bases = np.sort(candidates[rng.permutation(len(candidates))[:wanted]])
    again = bases[rng.random(wanted) < 0.2]
    origin = np.concatenate([bases, again])
    more = take(columns, origin)
    size = len(origin)
    topics = positions(draw.profile, "tema", list(odds.TOPIC)).astype(np.int8)
    other = topics[rng.integers(0, len(topics), size)]
    more["tema"] = np.where(other == more["tema"], np.roll(topics, 1)[rng.integers(0, len(topics), size)], other)
    more["asunto_tema"] = more["tema"]
    more["estilo"] = rng.integers(0, 2**63, size, dtype=np.uint64)
    more["clave"] = np.arange(len(rows), len(rows) + size, dtype=np.int64)
    more["destino"] = np.full(size, Fate.FUSIONADA, dtype=np.int8)
    near = rng.random(size) < 0.7
    more["orden"] = more["orden"] + np.where(near, 0.25, rng.random(size) * 5 * _DAY + 1) + (np.arange(size) >= wanted)
    # Another hour of the same day is still the same petition.
    later_hour = np.minimum(more["recepcion_seg"] + 60 * rng.integers(1, 90, size), _DAY - 60)
    more["recepcion_seg"] = np.where(near, more["recepcion_seg"], later_hour).astype(np.int32)

    kind = rng.integers(0, 3, size)
    kind[wanted:] = 2
    base_answer = more["respuesta_dia"]
    start = np.where(base_answer == NO_DAY, more["recepcion_dia"], base_answer)
    latest = draw.terms.after(start, rng.integers(1, 9, size))
    later = (kind == 1) & (latest <= draw.terms.cutoff)
    silent = kind == 2
    answered, under_way = draw.code("estado", "respondida"), draw.code("estado", "en_tramite")
    more["respuesta_dia"] = np.select([later, silent], [latest, NO_DAY], base_answer).astype(np.int32)
    more["estado"] = np.select([later, silent], [answered, under_way], more["estado"]).astype(np.int8)
    columns["respuesta_final"][origin[later]] = latest[later]
    columns["estado_final"][origin[later]] = answered
    rows.columns = stack([columns, more])
    return bases


@dataclass(frozen=True)
class _Song:
    planted: dict[str, list[str]]
    marked: Array


def _sing(draw: Draw, rows: Rows, plain: Array, rng: np.random.Generator) -> _Song:
    """Canaries in rows of every source and every fate; `marked` rows are to be copied as well."""
    columns, sources = rows.columns, draw.profile.fuentes
    canaries = Canaries(draw.stream("canarios"), rows)

    def sing(row: int, fields: tuple[str, ...] = (*IDENTITY, *FREE_TEXT)) -> None:
        canaries.plant(sources[columns["fuente"][row]], row, fields=fields)

    chosen: list[int] = []
    for source in range(len(sources)):
        own = plain[columns["fuente"][plain] == source]
        chosen += [int(row) for row in own[rng.permutation(len(own))[:4]]]
    for row in chosen:
        sing(row, ("radicado", *IDENTITY, *FREE_TEXT))
    accepted = columns["destino"] == Fate.ACEPTADA
    for rows_of_interest, fields in (
        (accepted & (columns["anonima"] == 1), FREE_TEXT),
        (accepted & (columns["documento_tipo"] == draw.code("documento_tipo", "TI")), (*IDENTITY, *FREE_TEXT)),
    ):
        for row in np.flatnonzero(rows_of_interest)[:2]:
            sing(int(row), fields)
    refused = plain[columns["autorizacion"][plain] == 0]
    for row in [int(r) for r in refused if int(r) not in chosen][:2]:
        sing(row)
    moved = np.flatnonzero(accepted & (columns["traslado_dia"] != NO_DAY) & (columns["documento"] != BLANK))
    for row in moved[:2]:
        rows.write("trasladada_a", [columns["clave"][row]], [f"Entidad {canaries.word('trasladada_a')}"])
    for row in np.flatnonzero(accepted & columns["negada"] & (columns["fuente"] == draw.sources.index("orfeo")))[:2]:
        rows.write("causal_negacion", [columns["clave"][row]], [f"reserva de {canaries.word('causal_negacion')}"])
    for row in np.flatnonzero(columns["destino"] == Fate.FUSIONADA)[:3]:
        sing(int(row))
        # Rows of one petition name one document.
        same = np.flatnonzero(columns["radicado"] == columns["radicado"][row])
        columns["documento"][same] = columns["documento"][row]
        text = rows.written["documento_numero"][int(columns["clave"][row])]
        rows.write("documento_numero", columns["clave"][same], [text] * len(same))
        for other in same[same != row]:
            sing(int(other), FREE_TEXT)
    rejected = _sing_in_rejected(rows, canaries, sing)
    return _Song(canaries.planted, np.asarray([*chosen[::3], *rejected[:4]], dtype=np.int64))


def _sing_in_rejected(rows: Rows, canaries: Canaries, sing: Callable[..., None]) -> list[int]:
    """One rejected row of each rule sings, also from the cell that breaks the rule where that is text."""
    columns, found = rows.columns, []
    for number, name in enumerate(rows.rules):
        row = int(np.flatnonzero(columns["regla"] == number)[0])
        rule, column = name.split("/")
        key = columns["clave"][row]
        if rule == "codigo_desconocido" or (rule == "fecha_no_valida" and column in (*DATES, "fecha_recepcion")):
            rows.write(column, [key], [canaries.word(column)])
        if column == "fila":
            sing(row, IDENTITY)
            if rule == "columnas_de_mas":
                rows.write("columna_de_mas", [key], [canaries.word("columna_de_mas")])
        else:
            sing(row)
            found.append(row)
    return found


def _copies(rows: Rows, marked: Array, files: tuple[ExtractFile, ...], rng: np.random.Generator) -> None:
    """Exact copies of any row that splits into columns, later in the file or in the source's next one."""
    columns = rows.columns
    candidates = np.flatnonzero((columns["destino"] != _UNUSED) & (columns["defecto"] == Defect.NONE))
    wanted = max(10, round(0.008 * len(candidates)))
    origin = np.concatenate([candidates[rng.integers(0, len(candidates), wanted)], marked])
    copies = take(columns, origin)
    copies["destino"] = np.full(len(origin), Fate.DUPLICADA, dtype=np.int8)
    copies["orden"] = copies["orden"] + 6 * _DAY + rng.random(len(origin)) * 4 * _DAY
    splits = [i for i in range(len(files) - 1) if files[i].source == files[i + 1].source]
    crosses = np.isin(copies["archivo"], splits) & (rng.random(len(origin)) < 0.3)
    copies["archivo"] = (copies["archivo"] + crosses).astype(np.int8)
    rows.columns = stack([columns, copies])


def _arranged(rows: Rows) -> Rows:
    """The rows that are used, by file and by their order in it."""
    columns = rows.columns
    used = np.flatnonzero(columns["destino"] != _UNUSED)
    order = np.lexsort((columns["orden"][used], columns["archivo"][used]))
    rows.columns = take(columns, used[order])
    return rows
