-- Take a table for this transaction alone, if nobody has it. Who only reads, such as pg_dump, may
-- have it for hours. p_table is as regclass reads it.
--
-- reads    the catalog
-- writes   nothing
-- returns  whether it is taken, or not there; false: somebody has it
-- repeat   safe
create or replace function tidemark.take_alone(p_table text)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if to_regclass(p_table) is not null then
        execute format('lock table %s in access exclusive mode nowait', p_table);
    end if;
    return true;
exception
    when lock_not_available then
        return false;
end;
$$;
