comment on table etl_logs is
'One row per process run: a hop of one batch (without entity), one entity of which that hop moved
something, or one call of a procedure.';
