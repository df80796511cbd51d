"""Writes the release folder, in the one order in which each file can speak of those before it.

What belongs here: that order. What does not: how each file is made (`data`, `metadata`, `documents`, `quality`,
`manifest`), verifying and publishing. There is no clock: dates come from the periods and the fecha de corte.
"""

import shutil
from pathlib import Path

import ibis

from pipeline.contract import Contract
from pipeline.release import data, documents, manifest, metadata, quality
from pipeline.release.inputs import Frame, ReleaseError, ReleaseInputs, check
from schemas.characterized import SEGMENTS
from schemas.published import MICRODATA, TABLES

FROM_MICRODATA = frozenset({MICRODATA.name, SEGMENTS.name})
WITH_PARQUET = frozenset({MICRODATA.name, TABLES.name})


def build(inputs: ReleaseInputs, out: Path) -> manifest.Manifest:
    """Writes the release to `out`, replacing what was there only when all of it is written and judged good.

    Raises `ReleaseError` for inputs that contradict each other and for a critical quality failure, `ContractError` for
    a table that does not keep its contract. Same inputs, same bytes.
    """
    check(inputs)
    working = out.parent / f".construccion-{out.name}"
    shutil.rmtree(working, ignore_errors=True)
    for folder in ("datos", "esquema/listas", "informe", "privacidad", "calidad"):
        (working / folder).mkdir(parents=True)
    try:
        made = _fill(working, inputs)
    except BaseException:
        shutil.rmtree(working, ignore_errors=True)
        raise
    if out.exists():
        shutil.rmtree(out)
    working.rename(out)
    return made


def _fill(folder: Path, inputs: ReleaseInputs) -> manifest.Manifest:
    contracts = {f.contract.name: f.contract.bind(inputs.profile.codes) for f in inputs.frames}
    frames = [Frame(contracts[f.contract.name], f.rows) for f in inputs.frames]
    # a period without microdata has no segments either; a table that no period fills is absent, not empty
    frames = [f for f in frames if f.rows.num_rows or f.contract.name not in FROM_MICRODATA]
    contracts = {f.contract.name: f.contract for f in frames}
    for frame in frames:
        _write_table(folder, frame)
    _write_schemas(folder, inputs, contracts)
    _write_report(folder, inputs)
    metadata.write_json(folder / "privacidad" / "privacidad.json", documents.privacy(inputs))
    documents.write(folder, inputs, contracts)
    metadata.write_json(folder / "datapackage.json", metadata.datapackage(folder, inputs, contracts))
    _write_quality(folder, inputs)
    made = _manifest(folder, inputs, contracts)
    manifest.write(folder, made)
    return made


def _write_table(folder: Path, frame: Frame) -> None:
    name = frame.contract.name
    rows = data.conform(frame.rows, frame.contract)
    frame.contract.gate(ibis.memtable(rows))
    data.write_csv(rows, folder / "datos" / f"{name}.csv")
    if name in WITH_PARQUET:
        data.write_parquet(rows, folder / "datos" / f"{name}.parquet")


def _write_schemas(folder: Path, inputs: ReleaseInputs, contracts: dict[str, Contract]) -> None:
    schemas = folder / "esquema"
    for name, contract in contracts.items():
        metadata.write_json(schemas / f"{name}.tableschema.json", metadata.table_schema(contract))
    described = metadata.dictionary(inputs, [contracts[name] for name in sorted(contracts)])
    metadata.write_rows(schemas / "diccionario.csv", metadata.DICTIONARY, described)
    tables = next((f.rows for f in inputs.frames if f.contract.name == TABLES.name), None)
    coded = [
        c.name for contract in contracts.values() for c in contract.columns if c.name in _published(inputs, c.codes)
    ]
    for name, codes in metadata.code_lists(inputs, tables, coded).items():
        metadata.write_rows(schemas / "listas" / f"{name}.csv", ("codigo", "etiqueta"), codes)
    published = set(tables["tabla"].to_pylist()) if tables is not None else set()
    listed = metadata.table_list(inputs.profile, published)
    if {row["tabla"] for row in listed} != published:
        raise ReleaseError("La tabla «tablas» trae una tabla que caracterizacion.yaml no declara.")
    metadata.write_rows(schemas / "listas" / "tablas.csv", metadata.TABLE_LIST, listed)


def _published(inputs: ReleaseInputs, codes: str | None) -> set[str]:
    return {codes.removeprefix("publicado_")} & set(inputs.profile.privacidad.columnas) if codes else set()


def _write_report(folder: Path, inputs: ReleaseInputs) -> None:
    (folder / "informe" / "informe.html").write_text(inputs.report_html, encoding="utf-8", newline="\n")
    if inputs.charts:
        (folder / "informe" / "figuras").mkdir()
    for chart in inputs.charts:
        shutil.copyfile(chart, folder / "informe" / "figuras" / chart.name)


def _write_quality(folder: Path, inputs: ReleaseInputs) -> None:
    results = quality.judge(folder, inputs.previous)
    failed = [r for r in results if not r.success and r.severity == "critical"]
    if failed:
        rules = "; ".join(f"{r.rule} ({r.file}{f', {r.column}' if r.column else ''})" for r in failed)
        raise ReleaseError(f"La publicación no pasa su control de calidad: {rules}.")
    metadata.write_json(folder / "calidad" / "calidad.json", quality.as_json(inputs.dataset, inputs.version, results))
    page = documents.environment().get_template("calidad.html.j2")
    text = page.render(inputs=inputs, entidad=inputs.profile.entidad, resultados=results, texto=quality.RULES)
    (folder / "calidad" / "calidad.html").write_text(text, encoding="utf-8", newline="\n")


def _manifest(folder: Path, inputs: ReleaseInputs, contracts: dict[str, Contract]) -> manifest.Manifest:
    entries = manifest.entries_of(folder)
    return manifest.Manifest(
        dataset=inputs.dataset,
        title=inputs.title,
        version=inputs.version,
        periods=inputs.periods,
        cut_off=inputs.cut_off.isoformat(),
        schema_versions={name: contract.schema_version for name, contract in contracts.items()},
        entries=entries,
        digest=manifest.digest_of((e.path, e.sha256) for e in entries),
    )
