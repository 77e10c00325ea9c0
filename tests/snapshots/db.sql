-- become
set session role tidemark_etl;

-- pid
select pg_catalog.pg_backend_pid();

-- pin
select pg_catalog.set_config(s.name, s.setting, false)
from rows from (pg_catalog.unnest(array['timezone', 'timezone_abbreviations', 'datestyle', 'intervalstyle', 'extra_float_digits', 'bytea_output', 'xmlbinary', 'xmloption', 'array_nulls', 'lc_monetary', 'lc_numeric', 'lc_time', 'standard_conforming_strings', 'transform_null_equals', 'quote_all_identifiers', 'search_path', 'default_transaction_isolation', 'row_security', 'restrict_nonsystem_relation_kind', 'exit_on_error', 'gin_fuzzy_search_limit', 'statement_timeout', 'lock_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'jit', 'default_statistics_target', 'parallel_tuple_cost', 'tcp_keepalives_idle', 'tcp_keepalives_interval', 'tcp_keepalives_count', 'tcp_user_timeout']), pg_catalog.unnest(array['UTC', 'Default', 'ISO, MDY', 'postgres', '1', 'hex', 'base64', 'content', 'on', 'C', 'C', 'C', 'on', 'off', 'off', 'public', 'read committed', 'off', '', 'off', '0', '0', '10min', '0', '90s', '0', 'off', '10', '0.01', '30', '10', '3', '90s'])) as s (name, setting)
where pg_catalog.current_setting(s.name, true) is not null;
