-- The routines of cleansing, and their reference data, are the platform's now, for every area. The
-- views of this folder are made again. What a view of somebody else calls stays, and so do the
-- tables of 02_reference_data.sql with the rows that they have: another view may read them.

drop view if exists
landing.clean_customers,
landing.customers_located,
landing.customers_trimmed,
landing.customer_countries,
landing.clean_products,
landing.products_trimmed,
landing.clean_sales,
landing.sales_computed;

do $$
declare
    v_moved text;
begin
    foreach v_moved in array array[
        'public.international_number(text, public.ref_calling_codes)',
        'public.e164(text, public.ref_calling_codes)',
        'public.calling_code(text)',
        'public.phone_digits(text)',
        'public.is_email(text)',
        'public.lookup_key(text)',
        'public.proper_case(text)',
        'public.clean_text(text)'
    ] loop
        begin
            execute 'drop function if exists ' || v_moved;
        exception
            when dependent_objects_still_exist then null;
        end;
    end loop;
end;
$$;

comment on table ref_countries is
'One row per country. Nothing of Tidemark reads it: see tidemark.ref_countries.';
comment on table ref_country_aliases is
'One row per way to write a country. Nothing of Tidemark reads it: see
tidemark.ref_country_aliases.';
comment on table ref_calling_codes is
'One row per region with a telephone numbering plan. Nothing of Tidemark reads it: see
tidemark.ref_calling_codes.';
