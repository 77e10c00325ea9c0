"""A DAG for each area that says in its `area.yml` when it runs: `schedule`."""

from __future__ import annotations

from airflow.sdk import CronTriggerTimetable, dag

from area_tasks import SETTINGS, areas, hops, monitor, params
from tidemark.declare.config import Area


def pipeline(area: Area, schedule: str) -> None:
    """Declare the DAG of one area."""
    own = {area.area: area}

    @dag(
        dag_id=f"{area.area}_etl_pipeline",
        schedule=CronTriggerTimetable(schedule, timezone="UTC", run_immediately=True),
        doc_md=f"Runs the three hops of {area.area} at the times of `schedule` in its `area.yml`.",
        params=params(own),
        **SETTINGS,
    )
    def tasks() -> None:
        hops(area, only=area.area)
        monitor(own)

    tasks()


for area in areas.values():
    if area.schedule is not None:
        pipeline(area, area.schedule)
