"""What a monitoring system is told, in Prometheus' text format.

Everything is a gauge: rows of logs are deleted after a while (`retention`), so nothing here only
grows. What can't be known is left out, and not 0. Times are told as such and not as ages, since a
file may be read long after it was written. No label has a value of a row.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tidemark import logs
from tidemark.batch import problems
from tidemark.declare.config import Area
from tidemark.errors import TidemarkError
from tidemark.model import HOPS, Hop, Layer
from tidemark.postgres import compose
from tidemark.postgres.sessions import Servers

log = logs.named(__name__)

HELP: Mapping[str, str] = {
    "up": "Whether the DWH has answered. If not, all else is missing.",
    "layer_up": "Whether a layer that is configured has answered.",
    "last_success_timestamp_seconds": "When the last successful batch ended.",
    "late_after_seconds": "How long after its last success an area counts as late (area.yml).",
    "batch_id": "The last batch that was begun.",
    "batch_start_timestamp_seconds": "When it began.",
    "batch_status": "1 for the status that it has, 0 for the others.",
    "high_water_mark_timestamp_seconds": "The published table has every change before this time.",
    "bound_lag_seconds": "How far the last extraction stayed behind the source's clock.",
    "bound_is_held_back": "Whether an open transaction of the source was the reason.",
    "hop_success": "Whether the last run of the hop that has ended was successful.",
    "hop_duration_seconds": "How long it took.",
    "hop_end_timestamp_seconds": "When it ended.",
    "hop_rows": "Rows of that run, if it was successful.",
    "checks": "Checks by what they said when they looked last.",
    "rejects_open": "Rows that are refused now.",
    "files": "Files that were taken or set aside.",
    "file_modified_timestamp_seconds": "When the newest file that was taken was modified.",
}
"""Name of the family without its prefix -> what it is."""

ACTIONS = ("processed", "inserted", "updated", "deleted", "rejected")

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, order=True)
class Sample:
    """One value."""

    name: str
    labels: Labels
    value: float


DOWN = (Sample("up", (), 0),)
"""What is told if the DWH does not answer."""


def read(servers: Servers, areas: Sequence[Area]) -> list[Sample]:
    """Ask the DWH, and what other layers there are: one statement each.

    Raises:
        TidemarkError: of the DWH. What another layer would say is left out if it does not answer.
    """
    samples = [Sample("up", (), 1), Sample("layer_up", (("layer", "dwh"),), 1)]
    samples += _asked(servers, "dwh", areas)
    others: tuple[Layer, ...] = ("stg", "mrr")
    for layer in (layer for layer in others if layer in servers.dsns):
        try:
            found, is_up = [*_asked(servers, layer, areas)], 1
        except TidemarkError as error:
            about = logs.fields(**logs.of_error(error), server=layer)
            log.warning("%s", error, extra=about)
            found, is_up = [], 0
        samples += [*found, Sample("layer_up", (("layer", layer),), is_up)]
        if layer == "stg" and is_up:
            samples += _zeros(found, _without_rejects(areas))
    samples += _zeros(samples, _unmoved(samples, areas))
    samples += (
        Sample("late_after_seconds", _labels(area=a.area), a.monitor.late_after.total_seconds())
        for a in areas
    )
    return samples


def text(samples: Iterable[Sample]) -> str:
    """Write samples, family by family, each in the order of its labels."""
    return "".join(f"{line}\n" for line in _lines(list(samples)))


def _asked(servers: Servers, layer: Layer, areas: Sequence[Area]) -> Iterator[Sample]:
    which = {
        "areas": [area.area for area in areas],
        "checks": [
            f"{area.area}.{name}" for area in areas for name in problems.declared_checks(area)
        ],
    }
    with servers.session(layer, "metrics") as session:
        session.queue(compose.statement(__name__, "patience"))
        for name, labels, value in session.rows(_STATEMENTS[layer](), which):
            yield Sample(name, _labels(**labels), value)


_STATEMENTS = {
    "dwh": lambda: compose.statement(__name__, "of_dwh"),
    "stg": lambda: compose.statement(__name__, "of_stg"),
    "mrr": lambda: compose.statement(__name__, "of_mrr"),
}


def _labels(**labels: str) -> Labels:
    return tuple(sorted(labels.items()))


def _zeros(found: Iterable[Sample], expected: Iterable[Sample]) -> list[Sample]:
    """Return those of which nothing was found."""
    there = {(sample.name, sample.labels) for sample in found}
    return [sample for sample in expected if (sample.name, sample.labels) not in there]


def _without_rejects(areas: Sequence[Area]) -> Iterator[Sample]:
    for area in areas:
        for name in area.entities:
            yield Sample("rejects_open", _labels(area=area.area, entity=name), 0)


def _unmoved(samples: Iterable[Sample], areas: Sequence[Area]) -> Iterator[Sample]:
    """Yield 0 rows for each entity of a hop that was successful: its log has what was moved."""
    done = {dict(one.labels)["area"] + dict(one.labels)["hop"] for one in samples if _is_done(one)}
    for area in areas:
        for hop in (hop for hop in HOPS if area.area + hop in done):
            for entity in _moved_by(area, hop):
                for action in ACTIONS:
                    labels = _labels(area=area.area, hop=hop, entity=entity, action=action)
                    yield Sample("hop_rows", labels, 0)


def _is_done(sample: Sample) -> bool:
    return sample.name == "hop_success" and sample.value == 1


def _moved_by(area: Area, hop: Hop) -> Iterator[str]:
    if hop == "extract":
        yield from area.sourced.entities
    else:
        yield from (name for name, e in area.entities.items() if hop == "stage" or e.dwh)


def _lines(samples: Sequence[Sample]) -> Iterator[str]:
    for name, said in HELP.items():
        family = sorted(sample for sample in samples if sample.name == name)
        if family:
            yield f"# HELP tidemark_{name} {said}"
            yield f"# TYPE tidemark_{name} gauge"
        for sample in family:
            labels = ",".join(f'{label}="{_escaped(value)}"' for label, value in sample.labels)
            yield f"tidemark_{name}{labels and f'{{{labels}}}'} {_number(sample.value)}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(round(value, 6))
