"""The jobs that schedules, sensors and `pqrsd run` start.

What belongs here: selections of assets. What does not: when they run (`schedules`, `sensors`). Their
partitions are those of the assets they select.
"""

import dagster as dg

RESTRICTED_SEMESTER = dg.define_asset_job(
    "semestre_restringido",
    selection=dg.AssetSelection.groups("restringido_lectura", "restringido_registros", "puerta"),
    description="Lee, valida y anonimiza un semestre; termina en la puerta de privacidad.",
)
OPEN_SEMESTER = dg.define_asset_job(
    "semestre_abierto",
    selection=dg.AssetSelection.groups("abierto_caracterizacion", "abierto_informes", "abierto_publicacion"),
    description="Indicadores, gráficos, informe y publicación de un semestre, solo con datos divulgados.",
)
OPEN_YEAR = dg.define_asset_job(
    "anio_abierto",
    selection=dg.AssetSelection.groups("abierto_anual"),
    description="Caracterización anual: suma lo publicado de los dos semestres, informe y publicación.",
)

RECHECK = dg.define_asset_job(
    "revision_semanal",
    selection=dg.AssetSelection.assets(["abierto", "revision_de_lo_publico"]),
    description="Descarga y verifica otra vez lo que está público; retira lo que no es lo publicado y avisa fallando.",
)
WITHDRAWAL = dg.define_asset_job(
    "retirar",
    selection=dg.AssetSelection.assets(["abierto", "retiro"]),
    description="Retira del portal una versión o un conjunto; pide conjunto, version (vacía: todo) y motivo.",
)
