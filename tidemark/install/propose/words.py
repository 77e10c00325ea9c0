"""What the names of tables and columns hint at."""

from __future__ import annotations

import re
from collections.abc import Collection

_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_STAMP = r"(row|record|sys|db|dt|date|time|ts|last|is|when)*"
_WHEN = r"(at|on|date|time|datetime|ts|dt|timestamp|stamp|utc|gmt|when)*"
_CHANGED = re.compile(
    rf"{_STAMP}(updated?|written|write|modified|modification|modify|changed?|touched|edited|mtime|upd|mod){_WHEN}"
)
_MADE = re.compile(
    rf"{_STAMP}(created?|creation|inserted|insert|added|add|registered|registration|joined|signup|"
    rf"ctime|hired?|birth|born|dob){_WHEN}"
)
_LATER = frozenset(
    "due required expected planned promised estimated until end ends ended expire expires expired "
    "expiry expiration return returned ship shipped deliver delivered delivery cancel cancelled "
    "canceled close closed complete completed finish finished resolved valid deleted archived "
    "approved read next last birth hire".split()
)
"""Words of times that come after what a row is about."""
_SECRET = frozenset("pwd passwort token tokens iban card cvv cvc pin ssn salt otp totp".split())
_SECRET_PART = re.compile(
    "password|passwd|passphrase|secret(?!ar)|credential|(api|private|access)key|socialsecurity|"
    "cardn(o|r|umber)"
)
_ENDS_AS_TIME = re.compile("(date|time)$")
_NAMES = frozenset(
    "name title label firstname lastname fullname first_name last_name full_name display_name "
    "user_name username company_name contact_name email login sku".split()
)
_PERSONAL = frozenset(
    "name firstname lastname surname fullname username nickname email mail phone telephone mobile "
    "fax contact homepage website url uri link slug title".split()
)
_LONG = frozenset(
    "description descriptions note notes comment comments text body content bio biography summary "
    "remark remarks message details abstract photo picture image avatar logo thumbnail features "
    "payload metadata meta settings preferences data".split()
)
_COUNTERS = frozenset(
    "count counter views visits logins hits version lock position sort order rank stock quantity "
    "balance credits".split()
)
_AMOUNTS = frozenset(
    "amount total subtotal price quantity qty cost fee tax discount freight balance score rating "
    "points hours minutes seconds duration distance weight value units".split()
)
_ENDS_AS_AMOUNT = re.compile("(amount|total|price|quantity|qty|cost)$")
_BOOKKEEPING = frozenset(
    "schema_migrations ar_internal_metadata flyway_schema_history databasechangelog "
    "databasechangeloglock alembic_version django_migrations knex_migrations knex_migrations_lock "
    "_prisma_migrations __efmigrationshistory goose_db_version schema_version migrations".split()
)
_LINES = frozenset(
    "line lines item items detail details row rows position positions entry entries".split()
)
_ID = re.compile(r"(_?(id|key|code|no|nr|number|uuid|fk|ref))$")


def pieces(name: str) -> list[str]:
    """Split a name into its words, in lower case: `lastUpdate` and `last_update` are the same."""
    return [piece.lower() for piece in _PIECE.findall(name)]


def plain(name: str) -> str:
    """Return a name as lowercase letters, digits and underscores; it begins with a letter."""
    made = "_".join(pieces(name))
    return made if made[:1].isalpha() else f"t_{made}".rstrip("_")


def singular(name: str) -> str:
    """Return the name of one of many, as far as English spelling goes."""
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch")):
        if name.endswith(ending):
            return name.removesuffix(ending) + instead
    kept = name.endswith(("ss", "us", "is", "as", "news", "series"))
    return name if kept or len(name) < 4 else name.removesuffix("s").rstrip("_")


def _without_table(name: str, table: str) -> str:
    """Join the words of a column's name, without the table's name in front (`post_modified`)."""
    words, front = pieces(name), pieces(singular(plain(table)))
    return "".join(words[len(front) :] if words[: len(front)] == front else words)


def is_change_time(name: str, table: str) -> bool:
    """Whether a time is called like one that each update moves."""
    return bool(_CHANGED.fullmatch(_without_table(name, table)))


def is_creation_time(name: str, table: str) -> bool:
    """Whether a time is called like one of the row's own beginning, and not of an event."""
    return bool(_MADE.fullmatch(_without_table(name, table)))


def comes_later(name: str, table: str) -> bool:
    """Whether a time is called like one that comes after the event.

    Not so if that is the event: a delivery is about `delivered_at`, and an order is not.
    """
    subjects = pieces(table)
    return any(
        word in _LATER and not any(one.startswith(word[:4]) for one in subjects)
        for piece in pieces(name)
        for word in (piece, _ENDS_AS_TIME.sub("", piece))
    )


def is_secret(name: str) -> bool:
    """Whether a column is called like a secret. An id says nothing of what it names."""
    words = pieces(name)
    joined = "".join(words)
    is_called_so = not _SECRET.isdisjoint(words) or _SECRET_PART.search(joined)
    return bool(is_called_so) and not joined.endswith("id")


def has_own_name(columns: Collection[str], table: str) -> bool:
    """Whether rows of a table have names of their own, as people and things have."""
    own = {*_NAMES, f"{singular(plain(table))}_name", f"{plain(table)}_name"}
    return any("_".join(pieces(column)) in own for column in columns)


def is_overwritten(name: str) -> bool:
    """Whether a column is called like a name, a contact, a long text or a counter."""
    return not (_PERSONAL | _LONG | _COUNTERS).isdisjoint(pieces(name))


def is_amount(name: str) -> bool:
    """Whether a number is called like something that can be summed or averaged."""
    words = pieces(name)
    return not _AMOUNTS.isdisjoint(words) or any(map(_ENDS_AS_AMOUNT.search, words))


def are_lines(table: str, header: str) -> bool:
    """Whether a table is called like the lines of another: `order_details` of `orders`."""
    stem = "".join(pieces(singular(plain(header)))).removesuffix("header")
    return "".join(pieces(table)).removeprefix(stem) in _LINES


def is_bookkeeping(table: str) -> bool:
    """Whether a table is one in which a tool keeps its migrations."""
    return table.lower() in _BOOKKEEPING


def stem(column: str) -> str:
    """Return what a column refers to: `customer` for `customer_id` and `customerId`."""
    made = "_".join(pieces(column)) or "t"
    return _ID.sub("", made) or made
