"""All that the tables of an area must have in common, from its source to its star, in one place.

It is checked before anything moves, and a person is told all that is wrong at once. An extraction
that finds something checks the layers behind MRR too (`require_behind`), which takes a message to
each. Where something is wrong, all catalogs are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain

from tidemark import sources
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ConnectError, ContractError, refuse
from tidemark.layers import cleanse, derived, drift, flags, mirror, personal, reads
from tidemark.layers.checking import Checked, first_of_each
from tidemark.layers.mirror import Mirrored
from tidemark.model import QualifiedName, Table
from tidemark.postgres import question
from tidemark.postgres.db import Row, Session
from tidemark.postgres.sessions import Servers
from tidemark.sources import Describable
from tidemark.star import aggregates, computed, contract


def problems(servers: Servers, area: Area) -> list[ContractError]:
    """Read all catalogs of an area, and say all that is wrong, in the order of the layers.

    A source that can't be reached now, or can't say what its rows look like, is left out.

    Raises:
        ConnectError: a layer can't be reached.
    """
    sourced = area.sourced
    shown = _shown(servers, sourced)
    with (
        servers.session("mrr", f"look at {area.area}") as mrr,
        servers.session("stg", f"look at {area.area}") as stg,
        servers.session("dwh", f"look at {area.area}") as dwh,
    ):
        mirrors = mirror.checked("mrr", sourced, question.ask(mrr, mirror.tables(mrr, sourced)))
        differences = drift.compare(sourced, shown.sound, mirrors.sound)
        behind = _Behind.read(stg, dwh, area)
        drifted = drift.problems(mirrors.sound, differences)
        found: list[ContractError] = []
        for name, entity in area.entities.items():
            of_entity = (
                shown.wrong.get(name, ()),
                mirrors.wrong.get(name, ()),
                drifted.get(name, ()),
                behind.wrong(entity, mirrors.sound.get(name)),
            )
            # What one layer says of a column follows from what the layer before says of it.
            found += first_of_each(chain.from_iterable(of_entity))
        found += behind.problems
        return found or [*behind.summed]


def require_behind(servers: Servers, area: Area, mirrors: Mapping[str, Mirrored]) -> None:
    """Check the layers behind MRR, those that can be reached: the others stop their own hops.

    Raises:
        ContractError: all that is wrong there.
    """
    with (
        suppress(ConnectError),
        servers.session("stg", f"look at {area.area}") as stg,
        servers.session("dwh", f"look at {area.area}") as dwh,
    ):
        behind = _Behind.read(stg, dwh, area)
        each = (behind.wrong(one, mirrors.get(name)) for name, one in area.entities.items())
        refuse((*chain.from_iterable(map(first_of_each, each)), *behind.problems))
        refuse(behind.summed)


@contextmanager
def told_at_once(servers: Servers, area: Area) -> Iterator[None]:
    """In place of a contract error of the block, tell all that is wrong."""
    try:
        yield
    except ContractError as error:
        with suppress(ConnectError):
            refuse(problems(servers, area))
        refuse(error.problems)


def _shown(servers: Servers, area: Area) -> Checked[Table]:
    source = sources.of(servers, area)
    if isinstance(source, Describable):
        with suppress(ConnectError):
            return source.tables(area)
    return Checked({}, {})


@dataclass(frozen=True, slots=True)
class _Behind:
    """What the layers behind MRR have of an area."""

    area: Area
    staged: cleanse.Found
    """STG's mirrors."""
    cleansing: cleanse.Found
    """Landing tables and cleansing views."""
    deriving: derived.Views
    stored: Mapping[QualifiedName, Table]
    foreign_keys: Sequence[Row]
    others: Sequence[ContractError]
    """What is wrong with flags of entities that are sound otherwise, and with what views read."""
    summed: Sequence[ContractError]
    """What is wrong with aggregates. It may follow from what is wrong with the star."""

    @staticmethod
    def read(stg: Session, dwh: Session, area: Area) -> _Behind:
        """Read the catalogs, with a message to each layer."""
        views = question.both(derived.views(stg, area), reads.of_cleansing(area))
        asked = question.both(cleanse.tables(stg, area), views)
        in_stg, (deriving, read_by) = question.ask(stg, asked)
        in_dwh = question.ask(dwh, contract.asked(dwh, area))
        some = aggregates.followed(area)
        reading = question.ask(dwh, computed.asked(some)) if some else []
        sound = cleanse.checked(area, *in_stg).sound
        wrong = list(flags.wrong(stg, area, {name: one.target for name, one in sound.items()}))
        wrong += reads.beside_landed(area, read_by)
        summed = list(computed.problems(area, in_dwh[0], reading))
        return _Behind(area, *in_stg, deriving, *in_dwh, wrong, summed)

    def wrong(self, entity: Entity, mirrored: Mirrored | None) -> Iterator[ContractError]:
        """Yield what is wrong with an entity there; `mirrored` is its mirror in MRR."""
        sent = {entity.name: mirrored[1]} if mirrored else {}
        if entity.is_derived:
            yield from derived.wrong(self.area, entity, self.deriving, self.staged)
        yield from cleanse.out_of_step(self.area, sent, self.cleansing)
        yield from cleanse.wrong(self.area, entity, self.staged, self.cleansing)
        yield from contract.wrong(self.area, entity, self.staged, self.stored)
        yield from personal.wrong(self.area, entity, self._tables(entity))

    def _tables(self, entity: Entity) -> Iterator[Table | None]:
        """Yield its tables; where its rows land in STG, they have the columns of MRR."""
        yield self.cleansing.get(entity.landing)
        yield self.staged.get(entity.table("stg"))
        yield self.stored.get(entity.table("dwh")) if entity.dwh else None

    @property
    def problems(self) -> Iterator[ContractError]:
        """What is wrong with more than one entity."""
        yield from self.others
        yield from contract.beside(self.area, self.stored, self.foreign_keys)
