-- Let nobody read these tables until the transaction has ended. A commit on several workers is not
-- one instant: without this, a reader may see a batch on one of them, and not on another.
-- Each of p_tables is as SQL takes it.
--
-- It is called last, so readers wait for the commit alone. Before that it waits for those that
-- read: for two seconds, since others queue up behind it. Then it lets these through, and waits
-- again.
--
-- writes   nothing: the locks
-- raises   lock_not_available: somebody reads for ten minutes and more
-- repeat   safe
create or replace function tidemark.hold_readers(p_tables text[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
    v_until constant timestamptz := clock_timestamp() + interval '10 minutes';
begin
    loop
        begin
            execute format(
                'lock table %s in access exclusive mode', array_to_string(p_tables, ', ')
            );
            return;
        exception
            when lock_not_available then
                if clock_timestamp() > v_until then
                    raise;
                end if;
        end;
        perform pg_sleep(0.2);
    end loop;
end;
$$;
