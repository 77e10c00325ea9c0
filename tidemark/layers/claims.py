"""Which MRR key holds which STG row, where cleansing changes keys.

A STG row belongs to one MRR key: the one that equals its key, unless `tidemark.key_claim` names
another one. A second MRR key that cleansing makes the same is refused. Its row waits until the
first one gives the STG row up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidemark.errors import ContractError
from tidemark.layers import mirror
from tidemark.layers.mirror import Mirror
from tidemark.model import Column, Key, Table
from tidemark.postgres import (
    compose,
    db,
    question,
    worktable,
)
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.question import Question
from tidemark.postgres.times import TimeColumn
from tidemark.postgres.worktable import WorkTable

NUMBER = "_first_batch_id"
"""Lineage column that holds the number of a landed row. The view passes it on, so that each
cleansed row can be joined with the landed row that it was made of. MRR's value is not needed in
STG, whose mirror has a first batch of its own."""

ALL = db.raw("true")
_NONE = db.raw("false")

_OWN_COLUMNS = worktable.own(
    _mrr_key="jsonb",
    _stg_key="jsonb",
    _is_own="boolean",
    _held="jsonb",
    _frees="boolean",
    _taken_by="jsonb",
    _since="timestamp with time zone",
)
"""Columns of `cleaned` that say which MRR key holds, frees or wants which STG key."""

_STAYS = worktable.own(
    key="jsonb",
    _stay="bigint",
    _good_at="timestamp with time zone",
    _first_seen_at="timestamp with time zone",
    _last_seen_at="timestamp with time zone",
    _refused="bigint",
    _landed="bigint",
    _batch_id="bigint",
    reasons="text[]",
    _ended_at="timestamp with time zone",
    _goes_on="boolean",
)


@dataclass(frozen=True, slots=True)
class Claims:
    """What the claims of one entity are decided by: its landing table, view and mirror."""

    area: str
    entity: str
    landing: Table
    view: Table
    target: Mirror
    table: Table
    """The target's table."""
    effective: TimeColumn | None
    """Column with the time at which a change of a dimension takes effect; None: no dimension."""

    @property
    def cleaned(self) -> WorkTable:
        """The work table with the landed rows as the cleansing view returns them."""
        lineage = tuple(column for column in mirror.LINEAGE if column != NUMBER)
        types = {column.name: column.type for column in self.view.columns}
        yielded = worktable.typed(types, (*self.target.payload, *lineage, mirror.REASONS))
        landed = Column("_landed", types[NUMBER])
        made = self._work_table("cleaned", (*yielded, landed, *_OWN_COLUMNS))
        return made.joined_by((*self.target.key, mirror.REASONS))

    @property
    def stays(self) -> WorkTable:
        """The work table with the periods in which each key was refused."""
        return self._work_table("stays", _STAYS)

    def _work_table(self, what: str, columns: tuple[Column, ...]) -> WorkTable:
        return WorkTable((self.landing.qualified_name[0], f"{self.entity}.{what}"), columns)

    @property
    def parts(self) -> Parts:
        """What fills the placeholders of the statements."""
        key = self.target.key
        which = {"area": db.literal(self.area), "entity": db.literal(self.entity)}
        landed = [c for c in self.landing.columns if c.name not in mirror.LINEAGE]
        unlike = tuple(c for c in key if not self._is_same_type(c))
        return {
            **which,
            "landing": db.name(*self.landing.qualified_name),
            "cleaned": self.cleaned.name,
            "mirror": self.target.name,
            "key": Columns(key),
            "stored": Columns(key, types=tuple(map(self.table.type_of, key))),
            "alike": Columns(tuple(c for c in key if c not in unlike)),
            "unlike": Columns(unlike),
            "unlike_stored": Columns(unlike, types=tuple(map(self.table.type_of, unlike))),
            "l_as_stored": [self._converted(db.name("l", c), c, self.table) for c in key],
            "m_as_landed": [self._converted(db.name("m", c), c, self.landing) for c in key],
            "landed": Columns(tuple(c.name for c in landed)),
            "landed_types": [db.raw(c.type) for c in landed],
        }

    @property
    def keeps_keys(self) -> bool:
        """Whether a key that the view does not change is the same key in the mirror."""
        return all(self._is_same_type(column) for column in self.target.key)

    def _is_same_type(self, column: str) -> bool:
        is_same = self.landing.type_of(column) == self.table.type_of(column)
        return is_same and column not in self.target.texts

    def _converted(self, value: Composable, column: str, to: Table) -> Composable:
        """Convert a key's value to the type of the other table; null if that has no such value."""
        if self.landing.type_of(column) == self.table.type_of(column):
            return value
        kind = to.type_of(column)
        parts = {"value": value, "kind": db.literal(kind), "type": db.raw(kind)}
        return compose.statement(__name__, "converted", parts)


@dataclass(frozen=True, slots=True)
class Examined:
    """What has to be done about the rows in `cleaned`."""

    is_in_question: bool
    """Whether keys are changed, claimed or wanted by several rows; such rows are marked."""
    has_order: bool
    """Whether a batch may have shown a key several times."""
    has_refused: bool
    has_open: bool
    """Whether rejects of the entity are open."""

    @property
    def may_have_rejects(self) -> bool:
        """Whether rejects may have to be opened or resolved; a key that is taken is refused too."""
        return self.has_refused or self.has_open or self.is_in_question


def examine(stg: Session, claims: Claims, last: int, *, is_judged: Composable = ALL) -> Examined:
    """Examine the rows of `cleaned` beyond number `last`, and mark those with keys in question.

    Raises:
        ContractError: the view does not pass the lineage columns on.
    """
    parts = {**claims.parts, "last": db.literal(last), "is_judged": is_judged}
    ((strangers, changed, repeated, has_order, is_claimed, has_refused, has_open),) = stg.again(
        compose.statement(__name__, "examine", parts)
    )
    if strangers:
        raise ContractError(
            f"stg: {claims.landing.qualified_name[0]}.clean_{claims.entity} gives "
            f"{strangers:,} rows whose _first_batch_id is that of no row of "
            f"{claims.landing.name}. Pass the lineage columns on as they are.",
            server="stg",
            table=f"{claims.landing.qualified_name[0]}.clean_{claims.entity}",
            column="_first_batch_id",
        )
    if repeated:
        stg.queue(compose.statement(__name__, "refuse_repeated", parts))
        stg.run(compose.statement(__name__, "forget_repeated_deletes", parts))
    is_in_question = bool(changed or is_claimed)
    if is_in_question:
        _mark(stg, "is_claimed" if is_claimed else "is_changed", parts)
    return Examined(is_in_question, has_order, has_refused or bool(repeated), has_open)


def _mark(stg: Session, which: str, parts: Parts) -> None:
    """Mark the rows whose keys are in question, and those that want a key of these."""
    for condition in (which, "is_rival"):
        one = compose.statement(__name__, condition, parts)
        stg.queue(compose.statement(__name__, "mark", parts, condition=one))
    stg.run(compose.statement(__name__, "hold", parts))


def wake(stg: Session, claims: Claims) -> int | None:
    """Land the rows again that wait for keys which this batch frees.

    Returns:
        They have numbers above this one; None: there are no such rows.
    """
    parts = claims.parts
    last = int(stg.value(compose.statement(__name__, "last_number", parts)))
    woken = stg.run(compose.statement(__name__, "wake", parts, last=db.literal(last)))
    return last if woken else None


def decide(
    stg: Session, claims: Claims, *, is_judged: Composable = ALL, are_known: bool = True
) -> None:
    """Refuse the marked rows of `cleaned` whose key another MRR key holds.

    Args:
        stg: in the transaction that applies the batch.
        claims: the entity's.
        is_judged: condition over `c`; a row on which it is false does not belong to this batch.
        are_known: whether a STG row without a claim belongs to the MRR key that equals it.
    """
    is_known = ALL if are_known else _NONE
    parts = {**claims.parts, "is_judged": is_judged, "is_known": is_known}
    stg.run(compose.statement(__name__, "decide", parts))
    if claims.effective:
        name = db.name(claims.effective.name)
        held_at = claims.effective.instant(db.name("m", claims.effective.name))
        since = claims.effective.value(db.name("n", "since"))
        parts |= {"effective": name, "held_at": held_at, "since": since}
        stg.run(compose.statement(__name__, "take_effect", parts))


def keep(stg: Session, claims: Claims) -> None:
    """Record which keys hold and which wait, and delete STG rows that no key holds any more."""
    for step in ("delete_unheld", "release", "claim"):
        stg.queue(compose.statement(__name__, step, claims.parts))
    stg.run(compose.statement(__name__, "claim_what_others_want", claims.parts))


def are_unknown(area: str) -> Question[bool]:
    """Ask whether rows of an area were staged before claims were kept."""
    return question.of(compose.statement(__name__, "are_unknown"), {"area": area}, question.one)


def are_known(stg: Session, area: str) -> None:
    """Record that the claims of an area have been derived."""
    stg.run(compose.statement(__name__, "are_known", area=db.literal(area)))


def take_over(stg: Session, claims: Claims) -> None:
    """Derive the claims of rows that an older Tidemark staged, from all rows of MRR in `cleaned`.

    Only rows whose keys are changed, or wanted by others, stay in `cleaned`.
    """
    for step in ("forget", "rename_rejects", "keep_marked", "claim"):
        stg.queue(compose.statement(__name__, step, claims.parts))
    stg.run(compose.statement(__name__, "claim_what_others_want", claims.parts))


def forget_holders(stg: Session, claims: Claims, keys: Sequence[Key]) -> None:
    """Forget the holders of these STG keys, whose rows are gone."""
    relation = mirror.key_rows(claims.table, claims.target.key, keys)
    stg.run(compose.statement(__name__, "forget_holders", claims.parts, keys=relation))


def forget_waiting(stg: Session, claims: Claims, keys: Sequence[Key]) -> None:
    """Forget the claims of these MRR keys that wait, since their rows are gone."""
    which = {"columns": list(claims.target.key), "keys": db.Json([list(one) for one in keys])}
    stg.run(compose.statement(__name__, "forget_waiting", claims.parts), which)


def forget(stg: Session, claims: Claims) -> None:
    """Forget all claims of an entity."""
    stg.run(compose.statement(__name__, "forget", claims.parts))


def origins(stg: Session, claims: Claims, keys: Sequence[Key]) -> Mapping[Key, Key]:
    """Find the MRR keys of STG keys that are claimed; all others have the same key in MRR."""
    if not keys:
        return {}
    relation = mirror.key_rows(claims.table, claims.target.key, keys)
    found = stg.rows(compose.statement(__name__, "origins", claims.parts, keys=relation))
    return {tuple(stored): tuple(mirrored) for stored, mirrored in found}
