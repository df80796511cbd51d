"""The open wing follows the door.

What belongs here: the sensor that starts the open job for each period that passed. What does not: anything that looks
into data.
"""

from collections.abc import Iterator

import dagster as dg

from pipeline.orchestration.jobs import OPEN_SEMESTER
from pipeline.orchestration.partitions import semester_of
from schemas.published import TABLES


@dg.asset_sensor(
    asset_key=dg.AssetKey(["abierto", TABLES.name]),
    job=OPEN_SEMESTER,
    name="sigue_a_la_puerta",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Cuando un semestre pasa la puerta de privacidad, produce su informe y lo publica.",
)
def follow_the_door(context: dg.SensorEvaluationContext, event: dg.EventLogEntry) -> Iterator[dg.RunRequest]:
    """One run for each time a semester passed."""
    partition = event.dagster_event.partition if event.dagster_event else None
    if partition:
        label = semester_of(partition).label
        yield dg.RunRequest(run_key=f"{label}:{event.run_id}", partition_key=partition, tags={"periodo": label})
