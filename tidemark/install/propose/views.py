"""A proposal's views: where a dimension needs other names, and where lines get their header's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tidemark.install.propose.draft import Dimension, Entity, Join, Placed, Proposal
from tidemark.install.propose.spelling import comment, identifier, literal, wrapped
from tidemark.layers.mirror import LINEAGE, REASONS

_RENAMED = (
    "A dimension has columns of its own for its versions. Those of the source get other names."
)


def all_of(proposal: Proposal) -> dict[str, str]:
    """Return the views that an area needs: path in its folder -> SQL."""
    found = {}
    for one in proposal.entities:
        if one.entity.join:
            found[f"stg/views/derive_{one.name}.sql"] = _joining(proposal, one, one.entity.join)
        elif isinstance(one.star, Dimension) and one.star.renamed:
            found[f"stg/views/clean_{one.name}.sql"] = _renaming(proposal, one, one.star.renamed)
    return found


def _renaming(proposal: Proposal, one: Placed, renamed: Mapping[str, str]) -> str:
    """Return the cleansing view that gives columns of a dimension other names."""
    columns = _columns("", [c.name for c in one.entity.columns], renamed, proposal)
    return (
        f"{comment(_RENAMED, '-- ')}\n"
        f"create or replace view {proposal.landing}.clean_{one.name} as\nselect\n"
        f"{_listed([*columns, *LINEAGE, f'array[]::text[] as {REASONS}'])}\n"
        f"from {proposal.landing}.{one.name};\n"
    )


def _joining(proposal: Proposal, one: Placed, join: Join) -> str:
    """Return the deriving view of lines with their headers."""
    own = [column.name for column in one.entity.columns if column.name not in join.taken.values()]
    header = literal(f"its row of {join.header} is missing")
    found = _named("h", next(iter(join.on.values())), proposal)
    columns = [
        *_columns("l.", own, {}, proposal),
        *_columns("h.", join.taken, join.taken, proposal),
    ]
    said = f"Rows of {join.line}, each with what its row of {join.header} says; one waits for that."
    landing = proposal.landing
    return (
        f"{comment(said, '-- ')}\n"
        f"create or replace view {landing}.derive_{one.name} as\nselect\n"
        f"{_listed(columns)},\n"
        f"    case when {found} is null then array[{header}]\n"
        f"    else '{{}}' end as {REASONS}\n"
        f"from {landing}.live_{join.line} as l\n"
        f"left join {landing}.live_{join.header} as h on {_matched('l', 'h', join, proposal)};\n"
        + _index(proposal, one.entity, join)
    )


def _index(proposal: Proposal, entity: Entity, join: Join) -> str:
    """Return an index by which lines are found for a header; '' if those of the key serve."""
    if names_key(entity, join):
        return ""
    columns = ", ".join(identifier(column, proposal.keywords) for column in join.on)
    schema = identifier(proposal.schema, proposal.keywords)
    return (
        "-- A changed header finds its lines by it.\n"
        f"create index if not exists {entity.name}_header\n"
        f"on {schema}.stg_{join.line} ({columns});\n"
    )


def names_key(entity: Entity, join: Join) -> bool:
    """Whether what a header says of its lines' keys suffices to find them."""
    return {*join.on} <= {*entity.key_columns}


def touching(proposal: Proposal, entity: Entity, join: Join) -> str:
    """Return the query of the keys of lines whose headers have changed."""
    key = ", ".join(_named("l", column, proposal) for column in entity.key_columns)
    lines = f"{proposal.landing}.live_{join.line}"
    return (
        f"select {key} from changed as c\n"
        f"inner join {lines} as l on {_matched('l', 'c', join, proposal)}"
    )


def _matched(line: str, header: str, join: Join, proposal: Proposal) -> str:
    return " and ".join(
        f"{_named(line, ours, proposal)} = {_named(header, theirs, proposal)}"
        for ours, theirs in join.on.items()
    )


def _named(table: str, column: str, proposal: Proposal) -> str:
    return f"{table}.{identifier(column, proposal.keywords)}"


def _columns(
    table: str, names: Iterable[str], renamed: Mapping[str, str], proposal: Proposal
) -> list[str]:
    spelled = {name: identifier(name, proposal.keywords) for name in (*names, *renamed.values())}
    return [
        f"{table}{spelled[name]} as {spelled[renamed[name]]}"
        if renamed.get(name, name) != name
        else f"{table}{spelled[name]}"
        for name in names
    ]


def _listed(columns: Sequence[str]) -> str:
    return "\n".join(wrapped(columns, "    "))
