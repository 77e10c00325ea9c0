-- Telephone numbers, in steps: what was dialled, the number as one dials it from abroad, E.164.
-- tidemark.phone_number takes them all. A view of many rows rather joins tidemark.ref_calling_codes
-- and takes them itself, as retail's landing.clean_customers does. They follow Google's
-- libphonenumber, against which tests/database/test_cleansing_phones.py holds them. On their form
-- see cleansing.sql.

-- The digits of a written number, with a + in front where it has one. Words before it (Tel.) and an
-- extension behind it (x12, ext. 12, #12) are left out.
--
-- returns  null where anything else is in the text: letters for digits are not resolved
-- repeat   safe
create or replace function tidemark.phone_digits(p_phone text)
returns text
language sql
immutable
parallel safe
return case
    when p_phone ~ '^\+?[0-9 ()./-]*$' then translate(p_phone, ' ()./-', '')
    when length(p_phone) <= 250
        then regexp_replace(
            substring(
                lower(p_phone)
                from '^[^+0-9]*([+0-9][0-9\s()./~\u00a0\u2010-\u2015-]*)'
                '(?:[,;]?\s*(?:ext(?:ension|n)?|xtn|x|#)[ .:=]*[0-9]{1,9}#?)?[^0-9a-z+#]*$'
            ),
            '[^+0-9]',
            '',
            'g'
        )
end;

-- The country calling code at the start of an international number. The lists are the world
-- numbering zones of ITU-T E.164: a code is never the beginning of another one.
--
-- returns  one to three digits, whether assigned or not
-- repeat   safe
create or replace function tidemark.calling_code(p_digits text)
returns text
language sql
immutable
parallel safe
return case
    when left(p_digits, 1) in ('1', '7') then left(p_digits, 1)
    when
        left(p_digits, 2) in (
            '20', '27', '28', '30', '31', '32', '33', '34', '36', '39', '40', '41', '43', '44',
            '45', '46', '47', '48', '49', '51', '52', '53', '54', '55', '56', '57', '58', '60',
            '61', '62', '63', '64', '65', '66', '81', '82', '83', '84', '86', '89', '90', '91',
            '92', '93', '94', '95', '98'
        )
        then left(p_digits, 2)
    else left(p_digits, 3)
end;

-- A national number in E.164: +, calling code, number without its trunk prefix (the 0 in front in
-- most of Europe).
--
-- returns  null where neither the rest nor the whole has a possible length
-- repeat   safe
create or replace function tidemark.e164(p_digits text, p_region tidemark.ref_calling_codes)
returns text
language sql
immutable
parallel safe
return case
    when
        starts_with(p_digits, (p_region).trunk_prefix)
        and length(p_digits) - length((p_region).trunk_prefix) = any((p_region).possible_lengths)
        then
            '+' || (p_region).calling_code
            || substr(p_digits, length((p_region).trunk_prefix) + 1)
    when length(p_digits) = any((p_region).possible_lengths)
        then '+' || (p_region).calling_code || p_digits
end;

-- The part of a dialled number that begins with a calling code, as seen from a region: behind a +,
-- behind the region's international prefix, or the number itself where somebody left out the + of
-- the region's own calling code.
--
-- returns  null for a national number; with a null region only a + counts
-- repeat   safe
create or replace function tidemark.international_number(
    p_dialled text, p_region tidemark.ref_calling_codes
)
returns text
language sql
immutable
parallel safe
return case
    when starts_with(p_dialled, '+') then substr(p_dialled, 2)
    when
        starts_with(p_dialled, (p_region).international_prefix)
        and substr(p_dialled, length((p_region).international_prefix) + 1, 1) <> '0'
        then substr(p_dialled, length((p_region).international_prefix) + 1)
    when
        starts_with(p_dialled, (p_region).calling_code)
        and (
            length(p_dialled) > all((p_region).possible_lengths)
            or (
                p_dialled !~ (p_region).national_pattern
                and substr(
                    tidemark.e164(substr(p_dialled, length((p_region).calling_code) + 1), p_region),
                    length((p_region).calling_code) + 2
                ) ~ (p_region).national_pattern
            )
        )
        then p_dialled
end;

-- A phone as somebody has written it, in E.164, as dialled in a country.
--
-- reads    tidemark.ref_calling_codes
-- returns  null where it does not parse; with an unknown or null country only a + counts
-- repeat   safe
create or replace function tidemark.phone_number(p_phone text, p_country_code text)
returns text
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
return (
    with written as (
        select
            tidemark.phone_digits(p_phone) as dialled,
            p_country_code as country_code
    ),

    located as (
        select
            w.dialled,
            home,
            tidemark.international_number(w.dialled, home) as international
        from written as w
        left join tidemark.ref_calling_codes as home on w.country_code = home.region
    )

    select
        case
            when l.international is null then tidemark.e164(l.dialled, l.home)
            else tidemark.e164(substr(l.international, length(abroad.calling_code) + 1), abroad)
        end
    from located as l
    left join tidemark.ref_calling_codes as abroad
        on tidemark.calling_code(l.international) = abroad.calling_code and abroad.is_main
);
