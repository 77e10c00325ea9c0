-- Find the rows of a mirror that batches after p_after have changed, where its history may not name
-- them any more (`history_lost`). Mostly there is nothing to find, and nothing is read.
--
-- reads    history_lost, the mirror
-- returns  the places (ctid) of the rows; those that the history names may be among them
-- repeat   safe
create or replace function tidemark.rows_without_history(p_mirror regclass, p_after bigint)
returns setof tid
language plpgsql
stable
parallel safe
rows 10
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from tidemark.history_lost as l where l.batch_id > p_after) then
        return query execute format(
            'select ctid from %s where _first_batch_id <= $1 and _batch_id > $1', p_mirror
        ) using p_after;
    end if;
end;
$$;
