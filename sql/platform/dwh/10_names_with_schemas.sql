-- An area's tables may lie in another schema than public. What is kept by table tells which.

comment on column high_water_mark.table_name is
'The table; outside of schema public with its schema and a dot: billing.dim_payers.';
comment on column tidemark.added_column.dimension is
'The table; outside of schema public with its schema and a dot: billing.dim_payers.';
comment on column tidemark.published_fact.table_name is
'The table; outside of schema public with its schema and a dot: billing.fact_payments.';
