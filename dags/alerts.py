"""Tells what begins when no batch ends, such as data that is late, every quarter of an hour."""

from __future__ import annotations

from airflow.sdk import CronTriggerTimetable, dag, task

from area_tasks import SETTINGS, project
from tidemark import tasks


@dag(
    schedule=CronTriggerTimetable("*/15 * * * *", timezone="UTC"),
    doc_md=__doc__,
    **SETTINGS,
)
def tidemark_alerts() -> None:
    """Declare the one task."""

    @task(
        retries=0,  # The next run is near.
        doc_md="Tells the channels of TIDEMARK_ALERT_URLS what has begun or ended since the last "
        "look (docs/alerts.md). Fails only if the DWH is away.",
    )
    def tell() -> None:
        tasks.tell(project)

    tell()


tidemark_alerts()
