"""Each kind of dirt that real extracts bring, and what becomes of it: one table, run whole, every row accounted for."""

import gzip
import io
import json
import os
import zipfile

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import reading, records
from pipeline.periods import Semester
from pipeline.reading.errors import ReadingError
from pipeline.records.soundness import account
from schemas.extracts import EXTRACTS
from schemas.records import ROW_COUNTS
from tests.small_extracts import KEY, memory, source, town

NAMES = {
    "radicado": {"columna": "No.", "identificador": True},
    "fecha_recepcion": {"columna": "Fecha"},
    "tipo": {"columna": "Clase", "extraer": r"^(?:[\d.]+\s+)?(.*)$", "entidades": True},
    "dependencia": {"columna": "Oficina"},
    "sexo": {"columna": "Sexo"},
    "fecha_respuesta": {"columna": "Respuesta"},
    "asunto": {"columna": "Asunto"},
}
HEADER = "No.;Fecha;Clase;Oficina;Sexo;Respuesta;Asunto;Deuda"
HOW = {
    "archivos": "prueba_*", "delimitador": ";", "columnas": NAMES, "descartadas": {"Deuda": "Ley 1266 de 2008"},
    "formatos_fecha": ["%d/%m/%Y %H:%M", "%d/%m/%Y", "%d/%m/%Y %I:%M %p"],
}  # fmt: skip
GOOD = "1;03/03/2025;Queja;;F;;Bache;9"


def text(*lines, header=HEADER):
    return "\n".join([header, *lines]) + "\n"


def zipped(content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("datos.csv", content)
    return out.getvalue()


def book(*rows, above=0):
    made = openpyxl.Workbook()
    for row in [["Informe"]] * above + [HEADER.split(";"), *rows]:
        made.active.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


XLSX = {"formato": "xlsx", "formatos_fecha": ["excel", "%d/%m/%Y"]}
ENDS = ("aceptada", "fusionada", "duplicada", "rechazada")

# dirt, content, how the source differs, what becomes of its rows: (accepted, merged, duplicated, rejected), rules or
# alerts by name — or the words with which the file is refused
DIRT = [
    ("marca de orden de bytes", ("\ufeff" + text(GOOD)).encode(), {}, (1, 0, 0, 0), {}),
    ("saltos de línea dentro de una celda", text('1;03/03/2025;Queja;;F;;"a\nb\r\nc";'), {}, (1, 0, 0, 0), {}),
    ("cp1252", text("1;03/03/2025;Petición;;F;;“€”;").encode("cp1252"), {"codificacion": "cp1252"}, (1, 0, 0, 0), {}),
    ("cp1252 tomado por latin-1", text("1;03/03/2025;Petición;;F;;“€”;").encode("cp1252"),
     {"codificacion": "latin-1"}, "sino cp1252", {}),
    ("UTF-8 tomado por cp1252", text("1;03/03/2025;Petición;;F;;x;"), {"codificacion": "cp1252"}, "sino UTF-8", {}),
    ("medio carácter", text(GOOD).encode() + b"2;\xc3", {}, "no es texto utf-8", {}),
    ("byte nulo", text(GOOD, "2;\0"), {}, "byte nulo", {}),
    ("gz", gzip.compress(text(GOOD).encode()), {}, (1, 0, 0, 0), {}),
    ("gz cortado", gzip.compress(text(GOOD).encode())[:-9], {}, "dañado o incompleto", {}),
    ("zip", zipped(text(GOOD)), {}, (1, 0, 0, 0), {}),
    ("página web", "<!doctype html><title>404</title>", {}, "página web", {}),
    ("puntero de Git LFS", "version https://git-lfs.github.com/spec/v1\n", {}, "Git LFS", {}),
    ("vacío", "", {}, "vacío", {}),
    ("10.000 columnas", ";".join(map(str, range(10_000))), {}, "10000 columnas", {}),
    ("comillas sin cerrar", text('1;03/03/2025;"Queja;;F;;x;'), {}, "comillas", {}),
    ("columna renombrada", text(GOOD, header=HEADER.replace("Sexo", "Género")), {}, "faltan: «Sexo»", {}),
    ("columna renombrada y declarada", text(GOOD, header=HEADER.replace("Sexo", "Género")),
     {"columnas": NAMES | {"sexo": {"columna": "Sexo", "alias": ["Género"]}}}, (1, 0, 0, 0), {}),
    ("columna nueva", text(GOOD + ";y", header=HEADER + ";Nueva"), {}, "no está en el perfil la columna: 9 (I)", {}),
    ("columna que falta", text("1;03/03/2025;Queja", header="No.;Fecha;Clase"), {}, "aparecen 3 de 8", {}),
    ("tres filas de título", text(GOOD, header="Informe;;;;;;;\n;;;;;;;\nEnero;;;;;;;\n" + HEADER),
     {"fila_encabezado": 4}, (1, 0, 0, 0), {}),
    ("títulos de alto distinto cada mes", text(GOOD, header="Informe\n\n" + HEADER),
     {"fila_encabezado": "buscar"}, (1, 0, 0, 0), {}),
    ("libro con títulos", book([1, "03/03/2025", "Queja"], above=3), XLSX | {"fila_encabezado": 4}, (1, 0, 0, 0), {}),
    ("fecha de Excel sin formato", book([1, 45719, "Queja"]), XLSX, (1, 0, 0, 0), {}),
    ("radicado con decimales", book([20250001.0, 45719, "Queja"]), XLSX, (1, 0, 0, 0), {}),
    ("radicado que perdió cifras", text("1,01E+11;03/03/2025;Queja;;;;;"), {}, (0, 0, 0, 1),
     {"identificador_truncado": 1}),
    ("reloj de 12 horas", text("1;03/03/2025 2:30 p. m.;Queja;;;;;"), {}, (1, 0, 0, 0), {}),
    ("el tipo escondido en otra columna", text("1;03/03/2025;76.2. Quejas;;;;;"), {}, (1, 0, 0, 0), {}),
    ("entidades HTML", text("1;03/03/2025;Petici&oacute;n;;;;;"),
     {"delimitador": ";"}, (0, 0, 0, 1), {"columnas_de_mas": 1}),
    ("entidades HTML entre comillas", text('1;03/03/2025;"Petici&oacute;n";;;;;'), {}, (1, 0, 0, 0), {}),
    ("tipo desconocido", text("1;03/03/2025;Rareza;;;;;"), {}, (1, 0, 0, 0), {"sin_clasificar": 1}),
    ("una oración donde va un código", text("1;03/03/2025;Queja;;no quiso decir;;;"), {}, (0, 0, 0, 1),
     {"codigo_desconocido": 1}),
    ("oficina con otra grafía", text("1;03/03/2025;Queja;  SECRETARÍA   de hacienda;;;;"), {}, (1, 0, 0, 0), {}),
    ("registro más ancho", text(GOOD + ";demás"), {}, (0, 0, 0, 1), {"columnas_de_mas": 1}),
    ("registro más corto", text("1;03/03/2025"), {}, (0, 0, 0, 1), {"columnas_de_menos": 1}),
    ("copia exacta", text(GOOD, GOOD, GOOD), {}, (1, 0, 2, 0), {}),
    ("una petición en varias filas", text(GOOD, "1;03/03/2025;Queja;;F;;Otro motivo;"), {}, (1, 1, 0, 0), {}),
    ("un radicado con dos fechas", text(GOOD, "1;07/03/2025;Queja;;F;;Bache;"), {}, (0, 0, 0, 2),
     {"radicado_contradictorio": 2}),
    ("día y mes intercambiados entre filas", text(GOOD.replace("03/03", "04/03"), "1;03/04/2025;Queja;;F;;Bache;"),
     {}, (0, 0, 0, 2),
     {"radicado_contradictorio": 2, "dia_y_mes_posiblemente_intercambiados": 2}),
    ("respuesta antes de la recepción", text("1;03/03/2025;Queja;;F;20/02/2025;;"), {}, (1, 0, 0, 0),
     {"respuesta_antes_de_recepcion": 1, "orden_imposible": 1}),
    ("fecha imposible", text("1;31/02/2025;Queja;;F;;;"), {}, (0, 0, 0, 1), {"fecha_no_valida": 1}),
    ("fecha de otro semestre", text("1;03/03/2024;Queja;;F;;;"), {}, (0, 0, 0, 1), {"fuera_de_periodo": 1}),
    ("fecha futura", text("1;03/03/3020;Queja;;F;;;"), {}, (0, 0, 0, 1), {"fecha_futura": 1}),
    ("sin fecha", text("1;;Queja;;F;;;"), {}, (0, 0, 0, 1), {"obligatorio": 1}),
]  # fmt: skip


REFUSED = [row for row in DIRT if isinstance(row[3], str)]
READ = [row for row in DIRT if not isinstance(row[3], str)]


def put(folder, n, content, how):
    """The case's file and the source that describes it; each case has a source of its own."""
    name = f"caso_{n}.{'xlsx' if how.get('formato') == 'xlsx' else 'csv'}"
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return source(**(HOW | how | {"id": f"caso_{n}", "archivos": name}))


@pytest.mark.parametrize(("content", "how", "words"), [row[1:4] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_cannot_be_read_is_refused_in_words(tmp_path, content, how, words):
    municipality = town(put(tmp_path, 1, content, how))
    with pytest.raises(ReadingError) as caught:
        reading.load(municipality, tmp_path, "2025-S1", memory())
    assert words in str(caught.value)


@pytest.fixture(scope="module")
def becomes(tmp_path_factory):
    """Case → what became of its rows: (ends, rules, alerts and motives); all cases in one build."""
    folder, tables = tmp_path_factory.mktemp("casos"), memory()
    municipality = town(*(put(folder, n, content, how) for n, (_, content, how, _, _) in enumerate(READ)))
    reading.load(municipality, folder, "2025-S1", tables)
    # the cases use the same numbers: without this, their rows would be one petition
    tables.con.execute("UPDATE almacen.main.extractos SET radicado = fuente || radicado, nombre = fuente")
    built = records.build(municipality, Semester(2025, 1), tables, KEY)
    counts, alerts, petitions = (t.to_pandas() for t in (built.counts, built.alerts, built.petitions))
    assert "9" not in set(tables.table(EXTRACTS).asunto.to_list()), "credit data reach no column"

    def of(n):
        mine = counts[counts.fuente == f"caso_{n}"]
        told = petitions[petitions.fuente == f"caso_{n}"]
        said = {rule: int(k) for rule, k in mine[mine.regla != ""].groupby("regla").filas.sum().items()}
        for words in (alerts[alerts.fuente == f"caso_{n}"].alerta, told.motivo_no_evaluable.dropna()):
            said |= {word: int(k) for word, k in words.value_counts().items()}
        unknown = int((told.tipo == "sin_clasificar").sum())
        ends = tuple(int(mine[mine.destino == end].filas.sum()) for end in ENDS)
        return ends, said | ({"sin_clasificar": unknown} if unknown else {})

    return of


@pytest.mark.parametrize("n", range(len(READ)), ids=[row[0] for row in READ])
def test_what_becomes_of_each_dirt(becomes, n):
    assert becomes(n) == READ[n][3:]


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs",)), max_size=6)
DATE = st.sampled_from(["2025-03-03", "2025-03-04", "3/4/2025", "45719", "mal", ""])
RECORD = st.fixed_dictionaries(
    {"radicado": st.sampled_from(["A", "B", "1.0", "1,5E+9", ""]), "fecha_recepcion": DATE,
     "tipo": CELL, "asunto": CELL,
     "sexo": st.sampled_from(["F", "M", "F|M", "x", ""]), "fecha_respuesta": DATE}
)  # fmt: skip


@st.composite
def mappings(draw):
    """A source and the file that it describes: names, order, delimiter, encoding, form and container as they fall."""
    rows = draw(st.lists(RECORD, max_size=8))
    fields = draw(st.permutations(["radicado", "fecha_recepcion", "tipo", "asunto", "sexo", "fecha_respuesta"]))
    names = {field: f"{field} {draw(st.sampled_from(['', 'Ñ', '(x)']))}".strip() for field in fields}
    columns = {field: {"columna": name} for field, name in names.items()}
    columns["radicado"] |= {"identificador": draw(st.booleans())}
    if draw(st.booleans()):
        columns["sexo"] = {"opciones": {"es F": "mujer", "es M": "hombre"}}
    form = draw(st.sampled_from(["csv", "csv", "jsonl", "json", "xlsx"]))
    how = {"archivos": "prueba_*", "formato": form, "columnas": columns,
           "formatos_fecha": draw(st.sampled_from([["%Y-%m-%d"], ["excel", "%d/%m/%Y"]]))}  # fmt: skip
    headers, table = [], []
    for field in fields:
        headers += ["es F", "es M"] if "opciones" in columns[field] else [names[field]]
    for record in rows:
        line = []
        for field in fields:
            marks = [("x" if option in record["sexo"] else "") for option in "FM"]
            line += marks if "opciones" in columns[field] else [record[field]]
        table.append(line)
    broken = draw(st.integers(0, 2)) if form in ("csv", "jsonl") else 0
    if form == "csv":
        how["delimitador"] = draw(st.sampled_from([",", ";", "\t", "|"]))
        how["codificacion"] = draw(st.sampled_from(["utf-8", "utf-16", "auto"]))
        quoted = [
            how["delimitador"].join('"' + cell.replace('"', '""') + '"' for cell in line) for line in [headers, *table]
        ]
        encoding = "utf-8-sig" if how["codificacion"] == "auto" else how["codificacion"]
        content = "\n".join([*quoted, *["roto"] * broken, ""]).encode(encoding)
    elif form == "xlsx":
        made = openpyxl.Workbook()
        for line in [headers, *table]:
            clean = ["".join(c for c in cell if c.isprintable()) for cell in line]
            made.active.append([f"'{c}" if c.startswith("=") else c for c in clean])
        out = io.BytesIO()
        made.save(out)
        content = out.getvalue()
    else:
        objects = [dict(zip(headers, line, strict=True)) for line in table]
        lines = "\n".join([*map(json.dumps, objects), *["roto"] * broken])
        content = (lines if form == "jsonl" else json.dumps(objects)).encode()
    if draw(st.booleans()):
        content = gzip.compress(content, mtime=0)
    empty = [all(not cell.strip() for cell in line) for line in table]
    unread = sum(empty) if form in ("csv", "xlsx") else 0
    return how, content, len(rows) + broken, unread


@given(mappings())
@settings(
    max_examples=200 if os.environ.get("FULL") == "1" else 4, deadline=None, suppress_health_check=list(HealthCheck)
)
def test_whatever_the_mapping_and_the_file_every_row_read_has_one_end(tmp_path_factory, made):
    how, content, rows, empty = made
    folder = tmp_path_factory.mktemp("a")
    (folder / "prueba_1.dat").write_bytes(content)
    municipality, tables = town(source(**how)), memory()
    try:
        summary = reading.load(municipality, folder, "2025-S1", tables)
    except ReadingError as refused:
        assert "vacío" in str(refused) or "columnas" in str(refused), refused
        assert rows == 0
        return
    built = records.build(municipality, Semester(2025, 1), tables, KEY)
    tables.replace(ROW_COUNTS, built.counts, periodo="2025-S1")
    found = account(tables.table(EXTRACTS, periodo="2025-S1"), tables.table(ROW_COUNTS, periodo="2025-S1"))
    assert found.adds_up
    assert rows - empty <= found.read <= rows
    assert found.read == sum(file.filas for file in summary.files)
