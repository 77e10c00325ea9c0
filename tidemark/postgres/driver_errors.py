"""Turn the driver's errors into Tidemark's, and read a DSN without showing its password."""

from __future__ import annotations

import re

import psycopg2
from psycopg2 import errorcodes, extensions

from tidemark.errors import (
    ConfigError,
    ConnectError,
    OvertakenError,
    RefusedRowError,
    StatementError,
    TidemarkError,
)
from tidemark.model import ETL_ROLE, MONITOR_ROLE, ServerName, dsn_variable, is_source


def redacted(dsn: str) -> str:
    """Name the server of a DSN without its password: `host:port/database as user`."""
    parts = parsed(dsn)
    if parts is None:
        return "an unreadable DSN"
    host, port = parts.get("host", "localhost"), parts.get("port", "5432")
    return f"{host}:{port}/{parts.get('dbname', '')} as {parts.get('user', 'the current user')}"


def parsed(dsn: str) -> dict[str, str] | None:
    """Parse a DSN; None if it can't be read, or if a piece of its password was read as the host.

    libpq's message is not kept: it repeats parts of such a DSN, and so may show the password.
    """
    try:
        parts: dict[str, str] = extensions.parse_dsn(dsn)
    except psycopg2.Error:
        return None
    is_place = "@" not in parts.get("host", "") + parts.get("dbname", "")
    is_port = parts.get("port", "5432").replace(",", "").isdigit()
    return parts if is_place and is_port else None


def must_parse(dsn: str, server: ServerName) -> dict[str, str]:
    """Parse a DSN.

    Raises:
        ConfigError: it can't be read.
    """
    parts = parsed(dsn)
    if parts is None:
        raise ConfigError(
            f"{server}: {dsn_variable(server)} can't be read. Write "
            "postgresql://user:password@host:port/database, with special characters of the "
            "password percent-encoded: @ is %40, / is %2F, % is %25."
        )
    return parts


SECRETS = frozenset({"password", "sslpassword"})
"""Parameters of a DSN that nobody else may see."""

_URL_PASSWORD = re.compile(r"^(postgres(?:ql)?://[^:@/]*):[^@/]*@")


def without_secrets(dsn: str, server: ServerName) -> str:
    """Return a DSN without its secrets; a URL stays a URL if that is possible.

    Raises:
        ConfigError: it can't be read, so it is not known what is secret in it.
    """
    parts = must_parse(dsn, server)
    kept = {name: value for name, value in parts.items() if name not in SECRETS}
    if kept == parts:
        return dsn
    shortened = _URL_PASSWORD.sub(r"\1@", dsn)
    return shortened if parsed(shortened) == kept else str(extensions.make_dsn(**kept))


_OVERTAKEN = "TM001"
"""The SQLSTATE that tidemark.show_number raises; the message is the name of the lock."""
_WRITES = re.compile(r"write (?P<area>\w+)")
_MISSING = {
    errorcodes.UNDEFINED_TABLE,
    errorcodes.UNDEFINED_FUNCTION,
    errorcodes.INVALID_SCHEMA_NAME,
}
_NO_ROLE = {errorcodes.INVALID_PARAMETER_VALUE, errorcodes.UNDEFINED_OBJECT}


def of_statement(
    error: psycopg2.Error, server: ServerName, statements: tuple[str, ...] = ()
) -> TidemarkError:
    """Turn an error of one of these statements, sent together, into one of Tidemark's."""
    told = _told(error, server)
    if isinstance(told, StatementError):
        told.statements, told.constraint = statements, error.diag.constraint_name
        told.place = _place(error)
        if told.place and not _is_of_data(error):
            told.hint = error.diag.message_hint or ""
    return told


def _place(error: psycopg2.Error) -> tuple[str, int] | None:
    """Return the text that a routine ran in which the error is, and the character there."""
    text, position = error.diag.internal_query, error.diag.internal_position
    return (text, int(position)) if text and position else None


def _is_of_data(error: psycopg2.Error) -> bool:
    return (error.pgcode or "")[:2] in {"22", "23"}


def _told(error: psycopg2.Error, server: ServerName) -> TidemarkError:
    """Say what went wrong.

    The server's DETAIL and CONTEXT stay out of the message, since they may quote a row. Its primary
    message may quote one too: a row's text can be read as a name. So it is shown only if all that
    it quotes is in the statement.
    """
    state = error.pgcode
    primary = (error.diag.message_primary or " ".join(str(error).split())).rstrip(".")
    if isinstance(error, psycopg2.ProgrammingError) and state is None:  # The driver's own.
        return StatementError(f"{server}: {primary}.")
    is_raised = _is_raised(error)
    if waited := _of_wait(state, primary, server, is_raised=is_raised):
        return waited
    if is_raised and state is not None and state[:2] == "40":
        # The transaction gave way to another one. No row was refused, whatever a function says.
        return StatementError(f"{server}: {_condition(state)}, says a function.", sqlstate=state)
    is_named = any(role in primary for role in (ETL_ROLE, MONITOR_ROLE))
    is_role_missing = is_named and state in _NO_ROLE
    if state is not None and not is_role_missing and _is_of_row(error, state):
        return _of_row(error, state, server)
    if state is None or state.startswith("08") or error.diag.severity_nonlocalized in _ENDING:
        return ConnectError(
            f"{server}: the connection broke: {primary}. Run the command again.", is_transient=True
        )
    todo = "Run `tidemark migrate`." if is_role_missing else _remedy(state, server)
    return StatementError(f"{server}: {primary}.", sqlstate=state, todo=todo)


def _of_wait(
    state: str | None, primary: str, server: ServerName, *, is_raised: bool
) -> TidemarkError | None:
    """Return the error of a statement that waited too long, or that another process overtook."""
    if state == _OVERTAKEN and (found := _WRITES.fullmatch(primary)):
        return OvertakenError(
            f"{found['area']}: a migration of {server}, or another process that writes there, has "
            "overtaken this one. Run the command again.",
            area=found["area"],
        )
    if state in _TIMEOUTS and not is_raised and "user request" not in primary:
        return _of_timeout(primary, state, server)
    return None


def _of_timeout(primary: str, state: str, server: ServerName) -> StatementError:
    """Say whose time limit it was. Only the message tells a timeout from a request to cancel."""
    if is_source(server):
        todo = f"Raise `{_TIMEOUTS[state]}` in area.yml, or find out what takes so long there."
        return StatementError(f"{server}: {primary}. {todo}", sqlstate=state)
    if state == errorcodes.LOCK_NOT_AVAILABLE:
        todo = (
            "Another session holds what it needs: pg_stat_activity shows who is in a transaction."
        )
        return StatementError(f"{server}: {primary}. {todo}", sqlstate=state, is_final=True)
    return StatementError(f"{server}: {primary}.", sqlstate=state)


def _remedy(state: str, server: ServerName) -> str:
    if state in _MISSING:
        return "Run `tidemark migrate`."
    if state == errorcodes.INSUFFICIENT_PRIVILEGE:
        return "`tidemark doctor` prints the grant that is missing."
    if state == errorcodes.DISK_FULL:
        return "Make room there, and run the command again."
    if state == errorcodes.READ_ONLY_SQL_TRANSACTION:
        return (
            f"Let {dsn_variable(server)} name a primary where it may write; where "
            "`show default_transaction_read_only` says on, somebody has forbidden it."
        )
    return ""


def within(error: BaseException) -> psycopg2.Error | None:
    """Find the driver's error in the error that a library made of it (SQLAlchemy's `orig`)."""
    found = getattr(error, "orig", None) or error
    return found if isinstance(found, psycopg2.Error) else None


def _of_row(error: psycopg2.Error, state: str, server: ServerName) -> RefusedRowError:
    """Say which row was refused and why. The server's message may quote a value, which is cut."""
    # `diag` has the names of table, type and constraint apart from the message, which may quote the
    # row. Only the last branch shows the message, without everything that may be a value.
    diag = error.diag
    table, constraint = diag.table_name, diag.constraint_name
    if large := _TOO_LARGE.search(diag.message_primary or ""):
        megabytes, limit = (int(large[name]) // 2**20 for name in ("bytes", "limit"))
        what = f"one of {megabytes:,} MB, and a row may have {limit} MB"
        code = errorcodes.PROGRAM_LIMIT_EXCEEDED
        return RefusedRowError(server, what, sqlstate=code, column=large["column"])
    if state == errorcodes.NOT_NULL_VIOLATION and table:
        what = f"null, where {table} takes none"
    elif diag.datatype_name and constraint:
        what = f"the type {diag.datatype_name} forbids it ({constraint})"
    elif constraint:
        what = _forbidden(constraint, str(table), state)
    elif table:
        what = f"{table} has no place for it ({_condition(state)})"
    elif state in _NO_TEXT:
        what = _NO_TEXT[state]
    elif state[:2] == "P0":
        what = "a function or trigger there raised an exception"
    elif state[:2] == "23" or state == errorcodes.UNDEFINED_OBJECT or _is_raised(error):
        what = _condition(state)
    else:
        what = _AFTER_COLON.sub("", _QUOTED.sub("…", diag.message_primary or ""))
        what = _NUMBER.sub("…", what)
    found = _COPIED_COLUMN.search(diag.context or "")
    column = diag.column_name or (found["column"] if found else None)
    return RefusedRowError(server, what.rstrip("."), sqlstate=state, column=column)


def _forbidden(constraint: str, table: str, state: str) -> str:
    """Say what a constraint forbids, as well as its name tells."""
    for ending, what in CONSTRAINTS.items():
        if constraint.endswith(ending):
            return f"{what} ({constraint} of {table})"
    return f"{constraint} of {table} forbids it ({_condition(state)})"


def _is_of_row(error: psycopg2.Error, state: str) -> bool:
    """Whether the error is about a row, or may quote one."""
    if state[:2] in {"22", "23"} or _is_raised(error):
        return True
    if state[:2] == "54" and _COPIED_LINE.search(error.diag.context or ""):
        return True  # Such as JSON that is nested too deeply: a limit that a value exceeds.
    return state[:2] not in _OF_NO_ROW and state not in _DENIED and _quotes_a_row(error, state)


def _is_raised(error: psycopg2.Error) -> bool:
    """Whether a function raised it with a message of its own, which may quote a row.

    A `do` block is no such function: it sees no row. Functions in languages other than SQL and
    PL/pgSQL raise with classes 38 and 39, or as an internal error with a context.
    """
    state, context = error.pgcode or "", error.diag.context or ""
    if state[:2] in {"38", "39"} or (state == errorcodes.INTERNAL_ERROR and context):
        return True
    is_said = error.diag.source_function in {"exec_stmt_raise", "exec_stmt_assert"}
    return is_said and "inline_code_block" not in context


def _quotes_a_row(error: psycopg2.Error, state: str) -> bool:
    """Whether the message quotes something that is in no statement, and so may be of a row.

    PostgreSQL does not say where a quoted word comes from. So each one is looked for in the
    statement, and in the statement of the function that failed; what is not there may be data.
    """
    diag = error.diag
    # With a position, the error was found while the statement was parsed, before it saw any row.
    # A syntax error is the exception: a row's text that is read as the name of a type has one too.
    query = ((error.cursor.query if error.cursor else None) or b"").decode("utf-8", "replace")
    sent = (diag.internal_query or "").replace("'", "''")
    is_parsed = diag.statement_position or (diag.internal_position and sent in query)
    if is_parsed and state != errorcodes.SYNTAX_ERROR:
        return False
    known = [query]
    if diag.context and not _FROM_TEXT.search(diag.context):
        known.append(diag.internal_query or "")
    known += [diag.table_name or "", diag.constraint_name or "", diag.datatype_name or ""]
    names = " ".join(known).replace('"', "")
    primary = diag.message_primary or ""
    pieces = _QUOTE.split(primary)
    quoted = pieces[1::2]
    # A quotation mark inside of a row's text shifts the pieces: what is quoted is then unknown.
    if len(pieces) % 2 == 0 or not all(map(_BETWEEN, pieces[2:-1:2])):
        return True
    said = [*quoted, *re.findall(r": (.+)", "" if quoted else primary)]
    if state == errorcodes.PROGRAM_LIMIT_EXCEEDED:
        said += _NUMBER.findall(primary)
    is_bare = state == errorcodes.UNDEFINED_OBJECT and not quoted
    return is_bare or any(piece not in names for piece in said)


def _condition(state: str) -> str:
    """Return the name of a condition. A SQLSTATE that a function made up has no name."""
    try:
        return errorcodes.lookup(state).lower().replace("_", " ")
    except KeyError:
        return f"error {state}"


CONSTRAINTS = {
    "_one_version_per_instant": "two versions of its key begin at one instant",
    "_one_current_version": "two versions of its key are current",
    "_valid_from_before_valid_to": "it ends before it begins",
    "_only_key_0_has_no_natural_key": "it has no natural key",
    "_pkey": "its key is there already",
}
"""How the name of a constraint ends that Tidemark makes -> what it forbids of a row."""

_NO_TEXT = {
    errorcodes.CHARACTER_NOT_IN_REPERTOIRE: "bytes that are no text in its encoding",
    errorcodes.UNTRANSLATABLE_CHARACTER: "a character that its encoding lacks",
}
# Where a message may have a value: in quotation marks of any language, after a colon, or as a
# number. A number in parentheses belongs to a type, such as varchar(20).
_QUOTE = re.compile("""["«»„“”「」]""")
_QUOTED = re.compile(rf"{_QUOTE.pattern}.*{_QUOTE.pattern}", re.DOTALL)
_WORD = "(?:of|for|on|in|is|and|but|relation|table|column|type|view|index|schema|expression) "
_BETWEEN = re.compile(f" (?:{_WORD})+").fullmatch
_NUMBER = re.compile(r"(?<![\w(\[,.+-])[+-]?\d[\w.+-]*")
_AFTER_COLON = re.compile(r"\s*:.*", re.DOTALL)
_TOO_LARGE = re.compile(
    "tidemark: (?P<bytes>\\d+) of (?P<limit>\\d+) bytes, in (?P<column>.*) :tidemark", re.DOTALL
)
"""The message of a query that `rowsize` guards; it contains no value."""
_COPIED_COLUMN = re.compile(
    r"""^COPY [^:"\n]*?, \S+ \d+, \S+ (?P<column>[^:\n]+?)(?: ?:|$)""", re.MULTILINE
)
"""`COPY table, line 1, column name: "value"`. Only the name is taken."""
_COPIED_LINE = re.compile(r"^COPY [^:\n]*?, \S+ \d+", re.MULTILINE)

_FROM_TEXT = re.compile("EXECUTE|RETURN QUERY|OPEN")
"""Commands by which a function builds statements from its arguments, which may be a row's data."""

_OF_NO_ROW = frozenset("08 25 28 40 53 55 57 58".split())
"""Classes of errors that concern no row: of the connection, the transaction, the machine, …"""
_DENIED = {errorcodes.INSUFFICIENT_PRIVILEGE}

_TIMEOUTS = {
    errorcodes.LOCK_NOT_AVAILABLE: "source.limits.lock_timeout",
    errorcodes.QUERY_CANCELED: "source.limits.statement_timeout",
}
_ENDING = {"FATAL", "PANIC"}
"""Severities of errors that end the session, such as a shutdown."""
