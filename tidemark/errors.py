"""The whole tree of Tidemark's exceptions.

    TidemarkError                     exit code
    ├── UsageError                    2   a command's arguments exclude each other
    ├── ConfigError                   3   area.yml or the environment says something impossible
    │   └── UnknownNameError              an area, entity, table or hop that does not exist
    ├── EmbeddedError                 4   an embedded server can't be started or stopped
    ├── ConnectError                  4   a server can't be reached or refuses the login
    ├── ServerVersionError            4   a server is older than Tidemark needs
    ├── MigrationError                5   sql/ can't be applied
    │   └── EditedMigrationError          a file was changed after it had been applied
    ├── ContractError                 5   tables and area.yml disagree
    ├── WindowError                   6   no safe upper bound is known
    │   └── NullWatermarkError            rows that no window would ever contain
    ├── DeleteGuardError              6   more rows are gone from the source than may be
    ├── LostHistoryError              6   a rebuild would lose what it can't derive again
    ├── LockedError                   7   another process works on the area
    │   └── OvertakenError                it has begun to write where this one does
    ├── GateError                     8   a data-quality gate refused the batch
    ├── StatementError                9   PostgreSQL refused a statement
    │   └── RefusedRowError               or a row: what it is, without its values
    │       └── NotLandedError            a row of a stream, at its receiver
    └── MonitorError                  10  batches fail, are late, or reject too much

A message reads `subject: what is wrong, with both values. What to do.` It never holds a password
or a row's personal data. Errors are raised where they are known and caught at the edges only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TypeVar

from tidemark.model import BlockingSession, CheckResult

R = TypeVar("R", bound="RefusedRowError")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest the nearest of the names that exist, as a question; empty if none is near."""
    nearest = get_close_matches(name, sorted(known), n=1)
    return f"Did you mean {nearest[0]!r}?" if nearest else ""


class TidemarkError(Exception):
    """Something that the user can act on; the message says how."""

    exit_code = 1
    is_transient = False
    """Whether the same work may go well when it is tried again."""
    is_logged = False
    """Whether the log has its message already."""


class MonitorError(TidemarkError):
    """Batches of an area fail, are late, or reject too much."""

    exit_code = 10


class UsageError(TidemarkError):
    """The arguments of a command exclude each other."""

    exit_code = 2


class ConfigError(TidemarkError):
    """area.yml or the environment says something impossible."""

    exit_code = 3


class UnknownNameError(ConfigError):
    """A name that nothing has; the message suggests the nearest name that exists."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        hint = did_you_mean(name, self.known)
        choices = ", ".join(self.known) or "none"
        said = f"{kind} {name!r}: there is none of this name."
        super().__init__(" ".join(filter(None, [said, hint, f"Known: {choices}."])))


class AmbiguousNameError(ConfigError):
    """A name that several things have; the message has the longer names that tell them apart."""

    def __init__(self, kind: str, name: str, candidates: Iterable[str]) -> None:
        self.kind, self.name, self.candidates = kind, name, sorted(candidates)
        choices = " or ".join(self.candidates)
        super().__init__(
            f"{kind} {name!r}: {len(self.candidates)} have this name. Write {choices}."
        )


class EmbeddedError(TidemarkError):
    """An embedded server can't be started or stopped."""

    exit_code = 4


class ConnectError(TidemarkError):
    """A server can't be reached or refuses the login, or a connection broke."""

    exit_code = 4

    def __init__(self, message: str, *, is_transient: bool = False) -> None:
        self.is_transient = is_transient
        self.server = message.partition(":")[0]
        """The server, or the source of files: the message's subject."""
        super().__init__(message)


class ServerVersionError(TidemarkError):
    """A server is older than Tidemark needs."""

    exit_code = 4


class MigrationError(TidemarkError):
    """sql/ can't be applied to a layer; nothing of that layer was changed."""

    exit_code = 5


class EditedMigrationError(MigrationError):
    """A file that is applied once was changed after it had been applied."""


class ContractError(TidemarkError):
    """Tables and area.yml disagree; nothing was moved.

    One may say several things that are wrong: a line for each. Its place is then the first one's.
    """

    exit_code = 5

    def __init__(
        self,
        message: str,
        *,
        server: str,
        table: str,
        column: str | None = None,
        other: str | None = None,
        statements: Iterable[str] = (),
        is_missing: bool = False,
    ) -> None:
        self.is_missing = is_missing
        """Whether the table is not there."""
        self.server, self.table, self.column = server, table, column
        """The place to mend; `column` is None if it is the table as a whole."""
        self.other = other
        """The column that this one was renamed to or from, it seems."""
        self.statements = tuple(statements)
        """The statements that mend it, if there are any."""
        self.problems: tuple[ContractError, ...] = (self,)
        """What is wrong, each by itself."""
        super().__init__(message)


def refuse(problems: Iterable[ContractError]) -> None:
    """Raise one error that says all of these, in their order; without any, do nothing."""
    several = list({str(problem): problem for problem in problems}.values())
    if len(several) == 1:
        raise several[0]
    if several:
        error = ContractError(
            "\n".join(map(str, several)),
            server=several[0].server,
            table=several[0].table,
            column=several[0].column,
            statements=[statement for each in several for statement in each.statements],
        )
        error.problems = tuple(several)
        raise error


class WindowError(TidemarkError):
    """No safe upper bound of the extraction window is known; nothing was moved."""

    exit_code = 6

    def __init__(self, message: str, *, area: str, entities: Iterable[str]) -> None:
        self.area, self.entities = area, tuple(entities)
        super().__init__(message)


class NullWatermarkError(WindowError):
    """Rows without a watermark, which no window would ever contain."""


class DeleteGuardError(TidemarkError):
    """More rows are gone from the source than a batch may delete; nothing was moved."""

    exit_code = 6

    def __init__(self, message: str, *, entity: str, missing: int, known: int) -> None:
        self.entity = entity
        self.missing, self.known = missing, known
        super().__init__(message)


class LostHistoryError(TidemarkError):
    """A rebuild would lose versions that the layer before no longer has."""

    exit_code = 6


class LockedError(TidemarkError):
    """Another process holds the area's lock. This one did nothing, or nothing since it lost it."""

    exit_code = 7

    def __init__(
        self, message: str, *, area: str | None, holder: BlockingSession | None = None
    ) -> None:
        self.area = area
        """None: a migration waited for all areas."""
        self.holder = holder
        """The session that holds the lock; None: it is not known, or has just ended."""
        super().__init__(message)


class OvertakenError(LockedError):
    """Another hop or a migration began to write here later. This hop may be tried again."""

    is_transient = True


class GateError(TidemarkError):
    """Checks refused the batch; nothing of it was published."""

    exit_code = 8

    def __init__(
        self, message: str, *, broken: Sequence[CheckResult], checks: Sequence[CheckResult]
    ) -> None:
        self.broken = tuple(broken)
        """What refused it: checks of the hop, or of one before it."""
        self.checks = tuple(checks)
        """What the checks of the hop found, those that passed too."""
        super().__init__(message)


class StatementError(TidemarkError):
    """PostgreSQL refused a statement; its transaction was rolled back."""

    exit_code = 9

    def __init__(
        self,
        message: str,
        *,
        sqlstate: str | None = None,
        is_final: bool = False,
        todo: str = "",
    ) -> None:
        self.sqlstate, self.message, self.todo = sqlstate, message, todo
        self.statements: tuple[str, ...] = ()
        """Names of those that were sent together, one of which was refused: `star.facts.insert`."""
        self.constraint: str | None = None
        """The name of the constraint that forbids it, where one does."""
        self.place: tuple[str, int] | None = None
        """The text in which PostgreSQL has found it, and the character there, from 1. None: it came
        up while the statement ran, or in what Tidemark has sent."""
        self.hint = ""
        """What PostgreSQL advises of a text with a place. It speaks of names, never of values."""
        self.is_transient = sqlstate in _LOST_TO_OTHERS and not is_final
        super().__init__(f"{message}{todo and ' '}{todo}")


class RefusedRowError(StatementError):
    """PostgreSQL refused a row, or a value of one; nothing of its batch was written there."""

    def __init__(
        self,
        server: str,
        what: str,
        *,
        sqlstate: str | None,
        column: str | None = None,
        entity: str = "",
        todo: str = "",
    ) -> None:
        self.server, self.what, self.column, self.entity = server, what, column, entity
        subject = f"{entity}: {server} refused a row" if entity else server
        where = f", in column {column!r}" if column else ""
        super().__init__(f"{subject}: {what}{where}.", sqlstate=sqlstate, todo=todo)

    @property
    def is_data(self) -> bool:
        """Whether a value is invalid, as opposed to a row that a constraint forbids."""
        return not (self.sqlstate or "").startswith("23")

    def of(
        self, entity: str, todo: str, *, column: str | None = None, what: str = ""
    ) -> RefusedRowError:
        """Return the same error with the name of an entity, and what to do."""
        return self._as(type(self), what or self.what, column or self.column, entity, todo)

    def of_receiver(self) -> NotLandedError:
        """Return the same error as that of the receiver of a stream."""
        return self._as(NotLandedError, self.what, self.column, self.entity, self.todo)

    def _as(self, kind: type[R], what: str, column: str | None, entity: str, todo: str) -> R:
        said = kind(
            self.server, what, sqlstate=self.sqlstate, column=column, entity=entity, todo=todo
        )
        said.statements, said.constraint = self.statements, self.constraint
        said.place, said.hint = self.place, self.hint
        return said


class NotLandedError(RefusedRowError):
    """The receiver of a stream refused a row that its sender gave. Nothing of the item landed.

    The other rows land if it is sent again the careful way. What the sender itself refuses is a
    plain `RefusedRowError`, and sending it again is of no use.
    """


_LOST_TO_OTHERS = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "55P03",  # lock_not_available: lock_timeout
}
"""SQLSTATEs of a transaction that gave way to another one. Tried again, it may succeed."""
