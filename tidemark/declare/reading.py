"""What `area.yml` says of files as a source: where they are, which are whose, how they are read."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tidemark.declare import patterns
from tidemark.declare.declaration import Declaration
from tidemark.declare.patterns import Pattern
from tidemark.declare.scalars import Duration, Names, ServerName

DOCUMENT = "document"
"""Column of a mirror of JSON with the whole document."""

_PATH = re.compile(r"\$(?:\.[A-Za-z_]\w*)+")


def _single(value: str) -> str:
    if len(value) != 1 or value in '"\n\r\\' or ord(value) > 127:
        raise ValueError(f"{value!r}: a delimiter is one character, such as ',', ';', '|' or '\\t'")
    return value


def _quote(value: str) -> str:
    if len(value) != 1 or value in "\n\r\\" or ord(value) > 127:
        raise ValueError(f"{value!r}: a quote is one character, such as '\"'")
    return value


def _encoding(value: str) -> str:
    try:
        "".encode(value)
    except (LookupError, UnicodeError):
        raise ValueError(
            f"{value!r} is no encoding; write one such as utf-8, latin-1 or utf-16"
        ) from None
    return value


def _pattern(value: str) -> str:
    return patterns.of(value).text


def _order(value: Any) -> Any:
    """YAML reads `order: {date}` as a mapping with a key that has no value."""
    return "date" if value in ({"date": None}, "{date}") else value


def document_path(value: str) -> str:
    """Check a path in a document, such as `$.event_id`; ValueError says what is wrong."""
    if not _PATH.fullmatch(value):
        raise ValueError(f"{value!r}: name a member of the document, such as $.order.order_id")
    return value


class Reading(Declaration):
    """How files are read: what an entity does not say is as its source says."""

    format: Literal["csv", "jsonl", "json", "parquet"] = "csv"
    """`jsonl`: one JSON document a line; `json`: one array of documents."""
    delimiter: Annotated[str, AfterValidator(_single)] = ","
    quote: Annotated[str, AfterValidator(_quote)] = '"'
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    header: bool = True
    """Whether the first line of a CSV file names its columns."""
    columns: Names = ()
    """The columns of CSV files that have no header, in their order."""
    null: str = ""
    """The text of a CSV field that has no value."""
    order: Annotated[Literal["name", "modified", "date"] | None, BeforeValidator(_order)] = None
    """Of two files that show a key, which is the later one: by their names, by when they were
    modified, or by the date in their names. The default is the date, where the pattern has one."""
    quiet_for: Duration = timedelta(0)
    """Leave files alone that were modified within this time: they may still be written."""
    ready_when: str = ""
    """A marker that says that files are complete: a file of this name in their folder, such as
    `_SUCCESS`; or, if it begins with a dot, one beside each of them, such as `orders.csv.done`."""
    lookback: Duration | None = None
    """List only the folders of the days since this long ago, and those of today and tomorrow; None:
    list all files each time."""
    list_all_every: Duration = timedelta(days=1)
    """With `lookback`, the longest time between two listings of all files."""
    on_bad_file: Literal["stop", "set_aside"] | None = None
    """What happens to a file that can't be read, or lacks columns: the run stops, or the file is
    set aside and the others are taken. By default one that lacks columns stops the run."""

    @model_validator(mode="after")
    def _says_what_columns_there_are(self) -> Reading:
        if self.format != "csv":
            return self
        if self.header and self.columns:
            raise ValueError("`columns` are for files without a header; set `header: false`")
        if not self.header and not self.columns:
            raise ValueError("`columns` is missing: without a header, nothing else names them")
        if self.delimiter == self.quote:
            raise ValueError("`delimiter` and `quote` have to differ")
        if {*self.null} & {self.delimiter, self.quote, "\n", "\r"}:
            raise ValueError(
                f"`null: {self.null!r}` has the delimiter, the quote or a line end in it, which no "
                "unquoted field has; it is the text between two delimiters, such as NULL"
            )
        return self

    @model_validator(mode="after")
    def _marker_is_a_name(self) -> Reading:
        if "/" in self.ready_when or self.ready_when in {".", ".."}:
            raise ValueError("`ready_when` is the name of a file, such as _SUCCESS or .done")
        return self


class Files(Reading):
    """Files in a folder or in object storage, as the source of an area."""

    kind: Literal["files"]
    name: ServerName = "files"
    url: Annotated[str, Field(min_length=1)]
    """A folder, relative to the project; `file://…`; or `s3://bucket/prefix`. The environment's
    TIDEMARK_SOURCE_<NAME>_URL wins."""


class FilesOfEntity(Reading):
    """The files of one entity."""

    files: Annotated[str, AfterValidator(_pattern)]
    """Their pattern: `*`, `?`, `[…]`, `**`, and `{date:%Y-%m-%d}` for the date of a file."""

    @property
    def pattern(self) -> Pattern:
        """The pattern of their paths."""
        return patterns.of(self.files)

    @property
    def ordered_by(self) -> Literal["name", "modified", "date"]:
        """What says which of two files is the later one."""
        if self.order:
            return self.order
        return "date" if self.pattern.date_format is not None else "name"

    @model_validator(mode="after")
    def _has_what_orders_it(self) -> FilesOfEntity:
        if self.order == "date" and self.pattern.date_format is None:
            raise ValueError(
                f"`order: date` needs a date in the pattern {self.files!r}: {{date:%Y-%m-%d}}"
            )
        return self

    @model_validator(mode="after")
    def _has_folders_of_days(self) -> FilesOfEntity:
        if self.lookback is not None and self.pattern.folder_of(date.min) is None:
            raise ValueError(
                f"`lookback` lists the folders of days, and {self.files!r} has none: its date has "
                "to be made of whole folders down to the day, in numbers and with no wildcard "
                "before it, such as {date:%Y-%m-%d}/*.csv or {date:%Y/%m/%d}/*.csv. Or set "
                "`lookback: null` here, and all files are listed each time"
            )
        return self


READING = frozenset(Reading.model_fields)
"""The keys that a source may give for all its entities."""


def of_entity(origin: object, source: dict[str, Any]) -> object:
    """Complete what an entity says of its files with what its source says of all.

    Args:
        origin: the entity's `source`: a pattern, or a mapping.
        source: the area's `source`.
    """
    named = {"files": origin} if isinstance(origin, str) else origin
    if not isinstance(named, dict):
        return origin
    shared = {key: value for key, value in source.items() if key in READING}
    return {**shared, **named}
