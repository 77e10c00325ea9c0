"""What every session sets, whatever the server, the database or the login says otherwise."""

from collections.abc import Mapping
from types import MappingProxyType

VALUES: Mapping[str, str] = MappingProxyType(
    {
        "timezone": "UTC",
        "timezone_abbreviations": "Default",
        "datestyle": "ISO, MDY",
        "intervalstyle": "postgres",
        "extra_float_digits": "1",
        "bytea_output": "hex",
        "xmlbinary": "base64",
        "xmloption": "content",
        "array_nulls": "on",
        "lc_monetary": "C",
        "lc_numeric": "C",
        "lc_time": "C",
        "standard_conforming_strings": "on",
        "transform_null_equals": "off",
        "quote_all_identifiers": "off",
    }
)
"""Setting -> value, of all that decides how a value reads or prints, and what a statement means."""

SAMPLE: Mapping[str, str] = MappingProxyType({**VALUES, "search_path": "public, pg_temp"})
"""What fills a sample application sets: its files make its tables in `public`."""

LOCK_TIMEOUT = "10min"
"""Whoever waits longer is in somebody's way, and would wait for ever."""

SESSION: Mapping[str, str] = MappingProxyType(
    {
        **VALUES,
        "search_path": "public",
        "default_transaction_isolation": "read committed",
        # A policy that hides rows of the source would lose them in silence: it is an error.
        "row_security": "off",
        # A login that may not read views, or ends at its first error, is none to work with.
        "restrict_nonsystem_relation_kind": "",
        "exit_on_error": "off",
        # An index that gives some of its rows would lose the others in silence.
        "gin_fuzzy_search_limit": "0",
        # A batch takes as long as it takes. On the source, area.yml says how long.
        "statement_timeout": "0",
        "lock_timeout": LOCK_TIMEOUT,
        "transaction_timeout": "0",
        # Only who has fallen silent is idle for so long (`heartbeat`): its locks are needed.
        "idle_in_transaction_session_timeout": "90s",
        "idle_session_timeout": "0",
        "jit": "off",
        # A tenth of the usual sample: what ANALYZE sees here are landing tables, which live for one
        # batch, and their plans need little more than the number of rows.
        "default_statistics_target": "10",
        # Work tables are made by parallel queries, where the server has workers to lend. The usual
        # cost of handing a row over keeps PostgreSQL from it just where the rows are many.
        "parallel_tuple_cost": "0.01",
        # A machine that vanished closes no connection; its locks and snapshots end in a minute and
        # a half. The same goes for a server that did (`connections.opened`).
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": "90s",
    }
)
"""What a session of Tidemark's own sets beside."""

PRIVILEGED: Mapping[str, str] = MappingProxyType({**SESSION, "search_path": "pg_catalog, pg_temp"})
"""The same, where the login has rights that those have not who may create in `public`."""
