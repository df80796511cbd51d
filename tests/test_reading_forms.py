"""Every form in which offices keep their records, declared in the profile and read without a guess."""

import json
import shutil

import openpyxl
import pytest

from pipeline import profile, reading
from pipeline.errors import ProfileError
from pipeline.reading.errors import BrokenFileError, HeaderError, ReadingError
from pipeline.sources import check
from schemas.extracts import FILES_READ
from tests.small_extracts import SANTA_MARTA, memory, read, source, town
from tests.test_reading import CANARY, cells, everything_said, put, small, workbook

NESTED = {
    "radicado": {"columna": "numero", "identificador": True},
    "fecha_recepcion": {"columna": "fechas.recibida"},
    "documento_numero": {"columna": "persona.documentos[0].numero"},
    "sexo": {"columna": "persona.sexo"},
    "grupo_etnico": {"columna": "persona.grupos"},
}


def document(**changes):
    record = {
        "numero": 20250001.0,
        "fechas": {"recibida": "2025-01-02"},
        "persona": {"sexo": "F", "grupos": ["indigena", "rrom"], "documentos": [{"numero": 12}]},
    }
    return record | changes


def jsonl(*lines):
    return "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)


def test_json_lines_are_read_by_their_paths(tmp_path):
    put(
        tmp_path,
        jsonl(document(), "", document(numero="7", persona=None), document(fechas={"recibida": True})),
        "p.jsonl",
    )
    rows = read(tmp_path, source(formato="jsonl", archivos="*.jsonl", columnas=NESTED))
    assert cells(rows, "fila", "radicado", "fecha_recepcion", "documento_numero", "sexo", "grupo_etnico") == [
        (1, "20250001", "2025-01-02", "12", "F", "indigena|rrom"),
        (3, "7", "2025-01-02", None, None, None),
        (4, "20250001", "si", "12", "F", "indigena|rrom"),
    ]


@pytest.mark.parametrize("path", ["", "datos.registros"])
@pytest.mark.parametrize("indent", [None, 3])
def test_a_json_document_is_read_at_the_declared_path(tmp_path, path, indent):
    records = [document(numero=str(n)) for n in range(3000)]
    whole = records if not path else {"antes": {"x": [1, 2]}, "datos": {"n": 3, "registros": records}, "fin": None}
    put(tmp_path, json.dumps(whole, indent=indent), "p.json")
    rows = read(tmp_path, source(formato="json", archivos="*.json", columnas=NESTED, registros=path))
    assert list(rows.radicado) == [str(n) for n in range(3000)]
    assert list(rows.fila) == list(range(1, 3001))


def test_a_json_record_that_says_nothing_certain_is_a_defect(tmp_path):
    broken = ['{"numero": 1', "[1]", '"x"', "{'numero': 1}", '{"numero": 1, "numero": 2}', '{"numero": "\\u0000"}',
              '{"numero": "\\ud800"}', "[" * 100_000]  # fmt: skip
    put(tmp_path, jsonl(document(), *broken), "p.jsonl")
    rows = read(tmp_path, source(formato="jsonl", archivos="*.jsonl", columnas=NESTED))
    assert list(rows.fila) == list(range(1, 10))
    assert list(rows.defecto_lectura.fillna("")) == [
        "",
        *["json_no_valido"] * 5,
        *["texto_no_valido"] * 2,
        "json_no_valido",
    ]
    assert rows.radicado[1:].isna().all()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('[{"numero": 1}', "incompleto"),
        ('[{"numero": 1} {"numero": 2}]', "dañado"),
        ('[{"numero": tru}]', "dañado"),
        ('{"datos": []}', "no es una lista"),
        ('[{"numero": 1}] x', "algo más"),
        ("7", "no es una lista"),
        ("[" * 200_000, "dañado|MB"),
        ('[{"numero": "' + "a" * (10 << 20) + '"}]', "8 MB"),
    ],
)
def test_a_damaged_json_document_stops_the_load(tmp_path, content, reason):
    put(tmp_path, content, "p.json")
    with pytest.raises(BrokenFileError, match=reason):
        read(tmp_path, source(formato="json", archivos="*.json", columnas={"radicado": {"columna": "numero"}}))


def test_a_json_key_that_nobody_declared_stops_the_load_and_so_does_one_that_never_comes(tmp_path):
    how = {"formato": "jsonl", "archivos": "*.jsonl", "columnas": NESTED}
    strange = document(persona={"sexo": "F", "grupos": [], "documentos": [], CANARY: CANARY})
    put(tmp_path, jsonl(document(), strange), "p.jsonl")
    with pytest.raises(HeaderError, match="1 claves no están en el perfil; la primera, en el registro 2") as e:
        read(tmp_path, source(**how))
    assert CANARY not in everything_said(e.value)
    put(
        tmp_path,
        jsonl(
            document(persona={"sexo": "F", "grupos": [], "documentos": [{"numero": 1}], "deudas": {"total": CANARY}})
        ),
        "p.jsonl",
    )
    rows = read(tmp_path, source(**how, descartadas={"persona.deudas": "Ley 1266 de 2008"}))
    assert len(rows) == 1
    assert CANARY not in rows.to_csv()


def book(folder, sheets, merged=(), name="prueba_1.xlsx"):
    made = openpyxl.Workbook()
    made.remove(made.active)
    for title, rows in sheets.items():
        page = made.create_sheet(title)
        for row in rows:
            page.append(row)
        for span in merged:
            page.merge_cells(span)
    made.save(folder / name)
    return folder


TWO_ROWS = {
    "radicado": {"columna": "Radicado"},
    "fecha_recepcion": {"columna": "Fechas / Recibida"},
    "fecha_respuesta": {"columna": "Fechas / Respondida"},
    "sexo": {"opciones": {"Sexo / H": "hombre", "Sexo / M": "mujer"}},
    "tema": {"columna": "Tema"},
}


def test_a_header_of_two_rows_with_merged_cells_names_each_column_once(tmp_path):
    rows = [
        ["Informe de enero", None, None, None, None, None],
        ["Radicado", "Fechas", None, "Sexo", None, "Tema"],
        [None, "Recibida", "Respondida", "H", "M", None],
        ["1", "2025-01-02", None, "x", None, "predial"],
    ]
    folder = book(tmp_path, {"Hoja": rows}, ("A2:A3", "B2:C2", "D2:E2", "F2:F3"))
    how = {"fila_encabezado": 3, "filas_de_encabezado": 2, "columnas": TWO_ROWS, "hoja": "Hoja"}
    found = read(folder, workbook(**how))
    assert cells(found, "fila", "radicado", "fecha_recepcion", "sexo", "tema") == [
        (4, "1", "2025-01-02", "hombre", "predial")
    ]
    # without the merge, nobody says that «M» belongs to «Sexo»
    with pytest.raises(HeaderError, match="faltan: «Fechas / Respondida», «Sexo / M»"):
        read(book(tmp_path, {"Hoja": rows}), workbook(**how))


def test_a_text_file_may_have_a_header_of_two_rows_too(tmp_path):
    put(tmp_path, "Radicado;Fechas;;Sexo;;Tema\n;Recibida;Respondida;H;M;Asunto\n1;;;;X;y\n")
    columns = TWO_ROWS | {"tema": {"columna": "Tema / Asunto"}}
    columns["radicado"] = {"columna": "Radicado"}
    found = read(tmp_path, source(columnas=columns, delimitador=";", fila_encabezado=2, filas_de_encabezado=2))
    assert cells(found, "fila", "radicado", "sexo", "tema") == [(3, "1", "mujer", "y")]


def test_the_header_is_searched_where_each_month_puts_it_elsewhere(tmp_path):
    for month, above in (("1", 0), ("2", 4)):
        rows = [["Consolidado"]] * above + [["número", "fecha", "clase"], [month, None, "queja"]]
        book(tmp_path, {"Mes": rows}, name=f"prueba_{month}.xlsx")
    found = read(tmp_path, workbook(hoja=None, fila_encabezado="buscar"))
    assert cells(found, "archivo", "fila", "radicado") == [("prueba_1.xlsx", 2, "1"), ("prueba_2.xlsx", 6, "2")]
    book(tmp_path, {"Mes": [[CANARY, "a"]] * 60}, name="prueba_3.xlsx")
    with pytest.raises(HeaderError, match="ninguna de las primeras") as caught:
        read(tmp_path, workbook(hoja=None, fila_encabezado="buscar"))
    assert CANARY not in everything_said(caught.value)


def test_several_sheets_are_read_each_under_its_name(tmp_path):
    head = ["número", "fecha", "clase"]
    folder = book(
        tmp_path, {"Ene": [head, [1, None, "a"]], "Notas": [["x"]], "Feb": [head, [2, None, "b"], [3, None, "c"]]}
    )
    found = read(folder, workbook(hoja=None, hojas=("Ene", "Fe*")))
    assert cells(found, "archivo", "fila", "radicado") == [
        ("prueba_1.xlsx#Ene", 2, "1"), ("prueba_1.xlsx#Feb", 2, "2"), ("prueba_1.xlsx#Feb", 3, "3"),
    ]  # fmt: skip


ONE_HOT = {
    "radicado": {"columna": "número"},
    "sexo": {"opciones": {"H": "hombre", "M": "mujer"}, "marcas": ["x", "si", "b"]},
}


@pytest.mark.parametrize(
    ("man", "woman", "meaning"),
    [
        ("X", "", "hombre"), ("", "x", "mujer"), (" SI ", "no", "hombre"), ("sí", "0", "hombre"), ("", "", None),
        ("B", "", "hombre"), ("x", "x", "hombre|mujer"), ("", "quizá", "mujer:quizá"),
    ],
)  # fmt: skip
def test_one_column_for_each_option_is_one_field(tmp_path, man, woman, meaning):
    put(tmp_path, f"número,H,M\n1,{man},{woman}\n")
    assert cells(read(tmp_path, source(columnas=ONE_HOT)), "sexo") == [(meaning,)]


@pytest.mark.parametrize(
    ("code", "label", "meaning"),
    [("1", "Queja", "queja"), ("1", "", "queja"), ("", "queja", "queja"), ("1", "RECLAMO", "queja|reclamo"),
     ("9", "Queja", "9|queja"), ("", "", None), ("1", "Qja.", "queja"), ("", "Qja.", "Qja.")],
)  # fmt: skip
def test_a_code_and_its_label_must_agree(tmp_path, code, label, meaning):
    put(tmp_path, f"número,cod,nombre\n1,{code},{label}\n")
    codes = {"1": "queja", "Queja": "queja", "2": "reclamo", "Reclamo": "reclamo"}
    columns = {"radicado": {"columna": "número"}, "tipo": {"columna": "cod", "etiqueta": "nombre", "codigos": codes}}
    assert cells(read(tmp_path, source(columnas=columns)), "tipo") == [(meaning,)]


@pytest.mark.parametrize(
    ("written", "identifier", "defect"),
    [
        ("2115.0", "02115", None), ("2115", "02115", None), (" 02115 ", "02115", None), ("2115,00", "02115", None),
        ("2.115E3", "02115", None), ("1,01001242404E+11", "101001242404", None),
        ("1.01E+11", None, "identificador_truncado"),
        ("A-77.0", "A-77.0", None), ("", None, None),
    ],
)  # fmt: skip
def test_an_identifier_that_became_a_number_is_its_digits_or_the_row_cannot_be_told(
    tmp_path, written, identifier, defect
):
    put(tmp_path, f'número,fecha\n"{written}",x\n')
    columns = {"radicado": {"columna": "número", "identificador": True, "ancho": 5}, "tema": {"columna": "fecha"}}
    assert cells(read(tmp_path, source(columnas=columns)), "radicado", "defecto_lectura") == [(identifier, defect)]


def test_entities_and_words_for_nothing_are_resolved_where_declared(tmp_path):
    put(tmp_path, "número,a,b\n1,Petici&oacute;n &amp; queja,N/A\n2,a & b,0\n3,&#191;?,sí\n")
    columns = {
        "radicado": {"columna": "número"},
        "asunto": {"columna": "a", "entidades": True},
        "tema": {"columna": "b", "ausentes": ["n/a", "0"]},
    }
    assert cells(read(tmp_path, source(columnas=columns)), "asunto", "tema") == [
        ("Petición & queja", None), ("a & b", None), ("¿?", "sí"),
    ]  # fmt: skip


def test_a_renamed_column_is_read_under_its_declared_alias_and_never_twice(tmp_path):
    columns = {"radicado": {"columna": "número", "alias": ["No. radicado", "radicado"]}, "tema": {"columna": "tema"}}
    put(tmp_path, "No. radicado,tema\n7,x\n")
    assert cells(read(tmp_path, source(columnas=columns)), "radicado") == [("7",)]
    put(tmp_path, "número,radicado,tema\n7,8,x\n")
    with pytest.raises(HeaderError, match="repetidas: «número», «radicado»"):
        read(tmp_path, source(columnas=columns))


WRONG = [
    ({"columnas": {"radicado": {}}}, "columnas.radicado.columna"),
    ({"columnas": {"radicado": {"columna": "a", "opciones": {"b": "c"}}}}, "columnas.radicado.columna"),
    ({"columnas": {"nada": {"columna": "a"}}}, "columnas.nada"),
    ({"columnas": {"tema": {"columna": "a", "ancho": 3}}}, "columnas.tema.ancho"),
    ({"columnas": {"tema": {"columna": "a", "extraer": "("}}}, "columnas.tema.extraer"),
    ({"columnas": {"tema": {"columna": "a", "codigos": {"X": "1", "x": "2"}}}}, "columnas.tema.codigos"),
    ({"columnas": {"sexo": {"opciones": {"a": "b"}, "marcas": ["no"]}}}, "columnas.sexo.marcas"),
    ({"columnas": {"tema": {"columna": "a"}}, "constantes": {"tema": "x"}}, "constantes.tema"),
    ({"columnas": {"tema": {"columna": "a"}}, "descartadas": {"A": "Ley 1266"}}, "descartadas"),
    ({"delimitador": ";;"}, "delimitador"),
    ({"formatos_fecha": ["%d %B"]}, "formatos_fecha"),
    ({"fecha_extraccion": "sin grupo"}, "fecha_extraccion"),
    ({"fila_encabezado": 1, "filas_de_encabezado": 2}, "fila_encabezado"),
    ({"registros": "a"}, "registros"),
    ({"hoja": "a", "hojas": ["b"]}, "hojas"),
    ({"archivos": ""}, "archivos"),
    ({"tabla": "t"}, "formato"),
    ({"formato": "postgres", "archivos": "", "tabla": "t"}, "conexion"),
    ({"formato": "postgres", "archivos": "", "conexion": {"variable": "X"}}, "tabla"),
]


@pytest.mark.parametrize(("changes", "key"), WRONG)
def test_a_mapping_that_contradicts_itself_is_refused_with_file_and_key(changes, key):
    with pytest.raises(ProfileError, match=rf"fuentes\.yaml: «prueba\.{key}»"):
        check(source(**({"columnas": {"radicado": {"columna": "r"}}} | changes)))


def test_the_mappings_are_checked_when_the_profile_loads(tmp_path):
    folder = shutil.copytree(SANTA_MARTA.carpeta, tmp_path / "pueblo")
    text = (folder / "fuentes.yaml").read_text(encoding="utf-8")
    (folder / "fuentes.yaml").write_text(
        text.replace("sexo: {columna: SEXO}", "seso: {columna: SEXO}"), encoding="utf-8"
    )
    with pytest.raises(ProfileError, match=r"fuentes\.yaml: «orfeo\.columnas\.seso»: no existe ese campo"):
        profile.load(folder)


@pytest.mark.parametrize(("name", "day"), [("orfeo_2025-07-03.csv", 3), ("orfeo_20250704_b.csv", 4)])
def test_the_day_of_extraction_is_read_from_the_name(tmp_path, name, day):
    put(tmp_path, "número,fecha,clase\n1,,queja\n", name)
    tables = memory()
    dated = small(archivos="orfeo_*.csv", fecha_extraccion=r"_(\d{4}-?\d{2}-?\d{2})")
    reading.load(town(dated), tmp_path, "2025-S1", tables)
    row = tables.table(FILES_READ).to_pandas().iloc[0]
    assert (row.extraido_en.day, row.extraido_segun, row.filas) == (day, "nombre", 1)
    put(tmp_path, "número,fecha,clase\n", "orfeo_julio.csv")
    with pytest.raises((ProfileError, ReadingError), match="fecha_extraccion"):
        reading.load(town(dated), tmp_path, "2025-S1", tables)
