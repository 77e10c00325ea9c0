"""What area.yml has to say of an entity whose rows come from files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tidemark.declare.kinds import OF_A_DATABASE
from tidemark.declare.reading import FilesOfEntity
from tidemark.model import ORIGIN


def check(
    files: FilesOfEntity,
    keyed_by: Sequence[str] | Mapping[str, str],
    *,
    said: Collection[str],
    is_set: bool,
) -> None:
    """Check what is said of an entity with files; ValueError says what is wrong.

    Args:
        files: its files.
        keyed_by: the columns of its key, or column -> path.
        said: the keys of area.yml that say something of it.
        is_set: whether what its files lack is deleted.
    """
    for key in OF_A_DATABASE:
        if key in said:
            hint = "; of files it is a key of `source`" if key == "lookback" else ""
            raise ValueError(f"`{key}` is for tables of a database, and this one has files{hint}")
    is_record = _check_key(files, keyed_by)
    if is_record and is_set:
        raise ValueError(
            "`deletes: detect` is for rows that several files show; a record is gone when its file "
            "comes again without it"
        )
    is_dated = files.pattern.date_format is not None
    if is_set and is_dated and not (files.pattern.is_of_one_file or files.ready_when):
        raise ValueError(
            "`deletes: detect` takes the files of one date as the whole table, and nothing says "
            "when all of them are there. Set `ready_when`"
        )


def _check_key(files: FilesOfEntity, keyed_by: Sequence[str] | Mapping[str, str]) -> bool:
    """Check the key, and return whether each record is a row."""
    has_paths = isinstance(keyed_by, Mapping)
    if tuple(keyed_by) == ORIGIN and not has_paths:
        return True
    if places := [name for name in keyed_by if name in ORIGIN]:
        raise ValueError(
            f"key: {places[0]!r} is where a record is. Write [{', '.join(ORIGIN)}], and nothing "
            "beside it: then each record is a row"
        )
    if has_paths and files.format in {"csv", "parquet"}:
        raise ValueError(f"key: paths are for documents; of {files.format} name the columns")
    if not has_paths and files.format in {"json", "jsonl"}:
        name = next(iter(keyed_by))
        raise ValueError(
            f"key: say where it is in a document: {{{name}: $.{name}}}; or make each document a "
            f"row: [{', '.join(ORIGIN)}]"
        )
    return False
