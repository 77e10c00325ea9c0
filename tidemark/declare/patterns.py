"""Which files are an entity's: a pattern such as `orders/{date:%Y-%m-%d}/*.csv.gz`.

`*` and `?` stand for characters of one name, `[…]` for one character out of some, and `**` for any
folders, none of them too. `{date:FORMAT}` is the date of a file, written as `strptime` reads it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, lru_cache

_DATE = re.compile(r"\{date:([^{}]*)\}")
_PLACES = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{2}",
    "d": r"\d{2}",
    "j": r"\d{3}",
    "b": r"[A-Za-z]{3}",
    "H": r"\d{2}",
    "M": r"\d{2}",
    "S": r"\d{2}",
}
"""Directive of `strptime` -> what it looks like in a path."""
_WILD = re.compile(r"\*\*/|\*\*|\*|\?|\[[^\]/]+\]")


@dataclass(frozen=True)
class Pattern:
    """A pattern of paths, relative to the source's `url`."""

    text: str

    def __post_init__(self) -> None:
        """Check it.

        Raises:
            ValueError: says what is wrong.
        """
        if not self.text or self.text.startswith("/") or ".." in re.split(r"[/:}]", self.text):
            raise ValueError(
                f"{self.text!r}: name paths below the source's url, such as orders/*.csv"
            )
        if len(_DATE.findall(self.text)) > 1:
            raise ValueError(f"{self.text!r} has two dates; a file has one")
        if "{" in _DATE.sub("", self.text):
            raise ValueError(f"{self.text!r}: in braces there is only a date, {{date:%Y-%m-%d}}")
        for directive in re.findall("%(.?)", self.date_format or ""):
            if directive not in _PLACES:
                raise ValueError(
                    f"{self.text!r}: a date is written with %Y %y %m %d %j %b %H %M %S, not "
                    f"%{directive}"
                )
        if self.date_format is not None and not re.search("%[Yy].*", self.date_format):
            raise ValueError(f"{self.text!r}: the date has no year, such as %Y")

    @property
    def date_format(self) -> str | None:
        """How the date of a file is written; None: paths have none."""
        found = _DATE.search(self.text)
        return found[1] if found else None

    @cached_property
    def folder(self) -> str:
        """The folder that all its files are below, with a `/` behind; '' for that of the url."""
        fixed = re.split(r"[*?\[{]", self.text)[0]
        return fixed[: fixed.rindex("/") + 1] if "/" in fixed else ""

    def folder_of(self, day: date) -> str | None:
        """Return the folder that all files of a day are below, with a `/` behind.

        None: the pattern has no folder for each day: the date is not made of whole folders, down to
        the day and in numbers, or wildcards stand before that.
        """
        if self._day is None:
            return None
        before, spelled, after = self._day
        # `strftime` knows directives, and not each character that a name may have.
        return before + re.sub("%.", lambda one: day.strftime(one[0]), spelled) + after

    @cached_property
    def _day(self) -> tuple[str, str, str] | None:
        """What the folder of a day is made of: text, the date as it is written, and text."""
        found = _DATE.search(self.text)
        if found is None or _WILD.search(self.text[: found.start()]):
            return None
        before, spelled, after = self.text[: found.start()], found[1], self.text[found.end() :]
        for slash in re.finditer("/", spelled):
            if _says_the_day(spelled[: slash.end()]):
                return before, spelled[: slash.end()], ""
        rest, slash_behind, _ = after.partition("/")
        if slash_behind and _says_the_day(spelled) and not _WILD.search(rest):
            return before, spelled, f"{rest}/"
        return None

    @cached_property
    def is_of_one_file(self) -> bool:
        """Whether at most one file has a certain date; without dates, whether it is one file."""
        return not _WILD.search(_DATE.sub("", self.text))

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        parts, place = [], 0
        for found in re.finditer(f"{_DATE.pattern}|{_WILD.pattern}", self.text):
            parts.append(re.escape(self.text[place : found.start()]))
            parts.append(_matching(found[0], found[1]))
            place = found.end()
        return re.compile("".join([*parts, re.escape(self.text[place:])]))

    def matches(self, path: str) -> bool:
        """Whether a path is of the pattern. What looks like a date, and is none, is not."""
        found = self._regex.fullmatch(path)
        return found is not None and (self.date_format is None or self._read(found) is not None)

    def date(self, path: str) -> datetime | None:
        """The date of a file, with the time of day where the pattern has one; None without."""
        found = self._regex.fullmatch(path)
        return self._read(found) if found and self.date_format is not None else None

    def _read(self, found: re.Match[str]) -> datetime | None:
        try:
            return datetime.strptime(found["date"], str(self.date_format))  # noqa: DTZ007
        except ValueError:
            return None


@lru_cache(maxsize=256)
def of(text: str) -> Pattern:
    """Return a pattern; each of ten thousand files asks for it.

    Raises:
        ValueError: see `Pattern`.
    """
    return Pattern(text)


def _says_the_day(spelled: str) -> bool:
    """Whether a part of a date is that of a day, and of nothing shorter."""
    directives = {*re.findall("%(.)", spelled)}
    return directives in ({"Y", "m", "d"}, {"y", "m", "d"}, {"Y", "j"}, {"y", "j"})


def _matching(wild: str, date_format: str | None) -> str:
    if date_format is not None:
        parts = re.split("%(.)", date_format)
        spelled = [_PLACES[one] if n % 2 else re.escape(one) for n, one in enumerate(parts)]
        return f"(?P<date>{''.join(spelled)})"
    if wild == "**/":
        return "(?:[^/]+/)*"
    if wild == "**":
        return ".*"
    if wild in "*?":
        return "[^/]*" if wild == "*" else "[^/]"
    negated, some = ("^", wild[2:-1]) if wild[1] == "!" else ("", wild[1:-1])
    escaped = re.sub(r"([\\^])", r"\\\1", some)
    return f"[{negated}{escaped}]"
