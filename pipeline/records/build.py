"""A semester's extracts → its three record tables, each step computed once.

What belongs here: the order of the steps and the three tables' final columns. What does not: the steps themselves.
"""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from pipeline.periods import Semester
from pipeline.profile import Profile
from pipeline.records import alerts, calendar, persons, timeliness
from pipeline.records.calendar import cutoff
from pipeline.records.destinies import decide
from pipeline.records.engine import Scratch
from pipeline.records.rules import row_rules
from pipeline.records.typed import UNCLASSIFIED, blank_code, typed_rows
from pipeline.stores.tables import Tables
from schemas.extracts import EXTRACTS, FILES_READ
from schemas.records import ALERTS, CALENDAR, PETITIONS, REJECTED_ROWS, ROW_COUNTS

_ACCESS = ("informacion", "documentos")
"""Types that are solicitudes de acceso a información pública (Ley 1712/2014 art. 25)."""

_CODED_BLANKS = ("canal", "dependencia", "tema", "estado", "comuna", "persona_tipo", "calidad_peticionario")
_KEPT = ("peticiones", "rechazadas", "conteo", "alertas", "calendario")


_BEFORE = (
    *("orden", "archivo", "fila", "estado", "oportunidad_fuente", "fecha_respuesta"),
    *("nombre", "correo", "telefono"),
)
"""What alerts compare a petition with: the rows as their source told them."""


@dataclass(frozen=True)
class Records:
    """The semester's petitions, rejected rows, row counts, alerts and calendar, in their contracts' columns, computed.

    They are readable until the connection closes or builds again. `unclassified`: petitions without a known type;
    `unauthorized`: with a person who did not authorise the use of their data, so that they are only counted.
    """

    petitions: ir.Table
    rejected: ir.Table
    counts: ir.Table
    alerts: ir.Table
    calendar: ir.Table
    unclassified: int
    unauthorized: int
    alerts_by_kind: dict[str, int]


def build(profile: Profile, semester: Semester, tables: Tables, person_key: bytes) -> Records:
    """The records of a semester from what `extractos` holds of it; `person_key` makes the pseudonyms.

    Raises `ProfileError` where a code list or the table of terms contradicts itself.
    """
    scratch = Scratch(tables)
    petitions = PETITIONS.bind(profile.codes)
    day = cutoff(profile, semester)
    extracts = tables.table(EXTRACTS, periodo=semester.label)
    typed = typed_rows(scratch, extracts, profile, petitions)
    typed = typed.mutate(documento=persons.document_number(typed.documento_numero))
    before = scratch.keep("antes", typed.select(*_BEFORE))
    files = tables.table(FILES_READ, periodo=semester.label)
    of_rows = alerts.of_rows(scratch, typed, files, profile, semester)
    destinies = decide(scratch, typed, row_rules(petitions, profile, semester, day), day)
    accepted = scratch.keep("peticiones", _petitions(scratch, destinies.petitions, profile, semester, person_key))
    rows = destinies.rows
    rejected = rows.filter(rows.destino == "rechazada").order_by("archivo", "fila").select(*REJECTED_ROWS.names)
    counts = rows.group_by("periodo", "fuente", "archivo", "destino", "regla").aggregate(filas=rows.count())
    copies = rows.filter(rows.destino == "duplicada")
    flagged = of_rows.anti_join(copies, "orden").union(alerts.of_petitions(scratch, accepted, before), distinct=True)
    frozen = calendar.around(profile, semester).table().select(["fecha", "habil", "motivo", "norma"])
    days = scratch.lookup("dias_congelados", frozen)
    kept_alerts = scratch.keep("alertas", flagged.select(*ALERTS.names).order_by(*ALERTS.names))
    records = Records(
        accepted,
        scratch.keep("rechazadas", rejected),
        scratch.keep("conteo", counts.order_by("archivo", "destino", "regla").select(*ROW_COUNTS.names)),
        kept_alerts,
        scratch.keep("calendario", days.mutate(periodo=ibis.literal(semester.label)).select(*CALENDAR.names)),
        int(accepted.filter(accepted.tipo == UNCLASSIFIED).count().execute()),
        int(accepted.filter(~accepted.autorizacion_datos, ~accepted.anonima).count().execute()),
        _by_kind(kept_alerts),
    )
    scratch.keep_only(*_KEPT)
    return records


def _by_kind(flagged: ir.Table) -> dict[str, int]:
    counted = flagged.group_by("alerta").aggregate(n=flagged.count()).order_by("alerta").to_pyarrow().to_pylist()
    return {row["alerta"]: row["n"] for row in counted}


def _petitions(scratch: Scratch, merged: ir.Table, profile: Profile, semester: Semester, person_key: bytes) -> ir.Table:
    merged = merged.mutate(fecha_vencimiento_declarada=merged.fecha_vencimiento)
    blanks = {name: merged[name].fill_null(blank_code(profile.codes[name]) or "") for name in _CODED_BLANKS}
    p = persons.described(merged, profile).mutate(**blanks, tipo=merged.tipo.fill_null(UNCLASSIFIED))
    p = timeliness.timed(scratch, p, profile, semester)
    keys = persons.pseudonyms(scratch, merged, person_key)
    p = p.left_join(keys, "orden").select(p, persona_clave=keys.clave)
    p = p.mutate(
        trasladada=p.fecha_traslado.notnull() | p.trasladada_a.notnull() | (p.estado == "trasladada"),
        acceso_informacion=p.tipo.isin(_ACCESS),
        negada=p.negada.fill_null(False),
        fecha_vencimiento_fuente=p.fecha_vencimiento_declarada.date(),
    )
    return p.order_by("orden").select(*[p[c.name].cast(c.dtype).name(c.name) for c in PETITIONS.columns])
