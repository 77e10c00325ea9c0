"""Settings of every session. They override those of the server, the database and the login."""

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
"""Setting -> value. They decide how values are read and printed, and what a statement means."""

SAMPLE: Mapping[str, str] = MappingProxyType({**VALUES, "search_path": "public, pg_temp"})
"""Settings of a session that fills a sample application. Its tables are in `public`."""

LOCK_TIMEOUT = "10min"
"""A session that waits longer might wait for ever, and others queue up behind it."""

PATIENCE = "5min"
"""So long a process waits for others that work on its area, where it waits for them at all."""

SESSION: Mapping[str, str] = MappingProxyType(
    {
        **VALUES,
        "search_path": "public",
        "default_transaction_isolation": "read committed",
        # A policy of the source that hides rows is an error. Else the rows would be lost silently.
        "row_security": "off",
        # Set for a login, these two would forbid to read views, or end the session at an error.
        "restrict_nonsystem_relation_kind": "",
        "exit_on_error": "off",
        # An index that returns only some of the rows would lose the others silently.
        "gin_fuzzy_search_limit": "0",
        # A batch may take any time. Only on the source there is a limit, in area.yml.
        "statement_timeout": "0",
        "lock_timeout": LOCK_TIMEOUT,
        "transaction_timeout": "0",
        # A process that works is never idle for so long: `heartbeat` sees to that. One that fell
        # silent has to free its locks.
        "idle_in_transaction_session_timeout": "90s",
        "idle_session_timeout": "0",
        "jit": "off",
        # A tenth of the usual sample. ANALYZE is run here on landing tables, which live for one
        # batch, and whose plans need little more than the number of rows.
        "default_statistics_target": "10",
        # Work tables are made by parallel queries, where the server has workers to lend. With the
        # usual cost of handing a row over, PostgreSQL would not do so where the rows are many.
        "parallel_tuple_cost": "0.01",
        # On Citus, all that a transaction does on a worker goes through one connection. What it has
        # written through several, it can't join with a dimension that it has written as well.
        "citus.max_adaptive_executor_pool_size": "1",
        # A machine that vanished does not close its connections. The server ends them after a
        # minute and a half, with their locks and snapshots. `connections.opened` sets the same for
        # this end.
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": "90s",
    }
)
"""Settings of a session of Tidemark's own."""

PRIVILEGED: Mapping[str, str] = MappingProxyType({**SESSION, "search_path": "pg_catalog, pg_temp"})
"""The same for a login with more rights. It must not run what others may put into `public`."""
