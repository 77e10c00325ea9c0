-- The routines of cleansing, and their reference data, are the platform's now, for every area. The
-- views of this folder are made again. What somebody else's view reads or calls stays.

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
        'function if exists public.international_number(text, public.ref_calling_codes)',
        'function if exists public.e164(text, public.ref_calling_codes)',
        'function if exists public.calling_code(text)',
        'function if exists public.phone_digits(text)',
        'function if exists public.is_email(text)',
        'function if exists public.lookup_key(text)',
        'function if exists public.proper_case(text)',
        'function if exists public.clean_text(text)',
        'table if exists public.ref_calling_codes',
        'table if exists public.ref_country_aliases',
        'table if exists public.ref_countries'
    ] loop
        begin
            execute 'drop ' || v_moved;
        exception
            when dependent_objects_still_exist then null;
        end;
    end loop;
end;
$$;
