-- Note that versions have gone from a history, whoever has deleted them: it no longer names all
-- that the batches have changed which replaced them. Of a TRUNCATE, that is any batch that was
-- applied. A trigger of each history (`track_versions`).
--
-- reads    applied_batch, the deleted versions
-- writes   history_lost
-- repeat   safe
create or replace function tidemark.note_lost_history()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_last bigint;
begin
    if tg_op = 'TRUNCATE' then
        v_last := (select max(b.batch_id) from tidemark.applied_batch as b);
    else
        v_last := (select max(g._replaced_by) from gone as g);
    end if;
    insert into tidemark.history_lost as l (batch_id)
    select v_last
    where v_last is not null
    on conflict (is_only) do update
    set batch_id = excluded.batch_id, noted_at = excluded.noted_at
    where l.batch_id < excluded.batch_id;
    return null;
end;
$$;
