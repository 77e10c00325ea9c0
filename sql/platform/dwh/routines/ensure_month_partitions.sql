-- Make the monthly partitions of a fact table that are still missing. p_fact may name its
-- schema, as place_of says.
--
-- reads    the catalog
-- writes   tables partitions.<p_fact>_yyyy_mm, attached to p_fact; of one that is not in public,
--          partitions."<schema>.<table>_yyyy_mm"
-- returns  the number of partitions made; 0 for a table that is not partitioned
-- repeat   safe
create or replace function tidemark.ensure_month_partitions(p_fact text, p_months date[])
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    v_place constant record := tidemark.place_of(p_fact);
    v_fact constant regclass := v_place.p_quoted::regclass;
    v_month date;
    v_partition text;
    v_made integer := 0;
begin
    if (select c.relkind from pg_class as c where c.oid = v_fact) <> 'p' then
        return 0;
    end if;
    foreach v_month in array p_months loop
        v_partition := format(
            'partitions.%I', left(v_place.p_label, 54) || to_char(v_month, '_YYYY_MM')
        );
        continue when to_regclass(v_partition) is not null;
        -- Made as a table and then attached: `create … partition of` would wait for every reader. Its
        -- pages keep room for a few amended facts, so that no index need be changed for them (HOT).
        execute format(
            'create table %s'
            ' (like %s including defaults including generated including constraints)'
            ' with (fillfactor = 95)',
            v_partition, v_fact
        );
        execute format(
            'alter table %s attach partition %s for values from (%L) to (%L)',
            v_fact, v_partition, v_month::timestamptz, (v_month + interval '1 month')::timestamptz
        );
        v_made := v_made + 1;
    end loop;
    return v_made;
end;
$$;
