-- Show the number that a hop has drawn. Each transaction of the hop that may write begins with this
-- call, and holds the row until it ends. A process that draws a new number waits for that.
--
-- reads    tidemark.lock; locks its row against a new number
-- raises   TM001: a newer number was drawn, or is being drawn
-- repeat   safe
create or replace function tidemark.show_number(p_name text, p_number bigint)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform
    from tidemark.lock as k
    where k.name = p_name and k.number = p_number
    for share skip locked;
    if not found then
        raise exception '%', p_name using errcode = 'TM001';
    end if;
end;
$$;
