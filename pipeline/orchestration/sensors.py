"""The open wing follows the door.

What belongs here: the sensor that starts the open job for each period that passed. What does not: anything that looks
into data.
"""

from collections.abc import Iterator

import dagster as dg

from pipeline.orchestration.jobs import OPEN_SEMESTER
from pipeline.orchestration.partitions import semester_of
from schemas.published import TABLES

PASSED = dg.AssetKey(["abierto", TABLES.name])
AT_ONCE = 50


@dg.sensor(
    job=OPEN_SEMESTER,
    name="sigue_a_la_puerta",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Cuando un semestre pasa la puerta de privacidad, produce su informe y lo publica.",
)
def follow_the_door(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest]:
    """One run for each time a semester passed, oldest first.

    Dagster's own asset sensor looks at the latest event alone: of two semesters that pass between two ticks it would
    follow one.
    """
    after = int(context.cursor) if context.cursor else None
    found = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=PASSED, after_storage_id=after), limit=AT_ONCE, ascending=True
    )
    for record in found.records:
        if record.partition_key:
            label = semester_of(record.partition_key).label
            yield dg.RunRequest(
                run_key=f"{label}:{record.run_id}", partition_key=record.partition_key, tags={"periodo": label}
            )
        context.update_cursor(str(record.storage_id))
