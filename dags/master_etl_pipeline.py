"""The master pipeline: runs the three hops of each area of sql/ every six hours.

A new folder with an `area.yml` in sql/ becomes a task group. An area with a `schedule`, or a `dag`,
has a DAG of its own.
"""

from __future__ import annotations

from airflow.sdk import CronTriggerTimetable, dag

import area_tasks
from area_tasks import SETTINGS, hops, monitor, params

areas = {name: area for name, area in area_tasks.areas.items() if area.schedule is None}


@dag(
    # The first batch runs at once, and not after six hours.
    schedule=CronTriggerTimetable("0 */6 * * *", timezone="UTC", run_immediately=True),
    doc_md=__doc__,
    params=params(areas),
    **SETTINGS,
)
def master_etl_pipeline() -> None:
    """Declare the tasks of all areas."""
    for area in areas.values():
        hops(area)
    monitor(areas)


master_etl_pipeline()
