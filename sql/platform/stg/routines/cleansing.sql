-- Pure scalar helpers of the cleansing views. Each is one expression, which the planner puts in the
-- place of the call. A `set search_path` would prevent that and make a call six times as slow. It
-- is not missed: a body of this form (return ...) is resolved when it is created. What is passed
-- for a parameter that occurs twice has to be a plain column, or the call stays a call.

-- Trim a text and collapse its blanks: spaces, tabs, line ends, control characters, no-break and
-- zero-width spaces. The first test finds what is dirty, so a clean text costs no replacement.
--
-- returns  null for null and for a text of blanks only
-- repeat   safe
create or replace function tidemark.clean_text(p_text text)
returns text
language sql
immutable
parallel safe
return nullif(
    case
        when
            p_text ~ (
                '^ | $|  |[\u0001-\u001f\u007f-\u00a0\u1680\u2000-\u200b\u2028-\u202f'
                '\u205f-\u2060\u3000\ufeff]'
            )
            then btrim(
                regexp_replace(
                    p_text,
                    '[\u0001-\u0020\u007f-\u00a0\u1680\u2000-\u200b\u2028-\u202f'
                    '\u205f-\u2060\u3000\ufeff]+',
                    ' ',
                    'g'
                ),
                ' '
            )
        else p_text
    end,
    ''
);

-- Write the name of a person or a place the way it is printed: MARY O'BRIEN, ronald mcdonald and
-- JAN VAN DER BERG become Mary O'Brien, Ronald McDonald and Jan van der Berg. Mixed case is left
-- alone: whoever typed DeShawn MacLeod knew better.
--
-- U+0001, which clean_text() has removed, marks the words for initcap(): it begins a new word,
-- which takes a capital (mc|donald, i|i|i), and with a 0 behind it a word whose first letter is
-- that 0, which leaves the rest small (0van, o'neill'0s).
--
-- returns  null for null
-- repeat   safe
create or replace function tidemark.proper_case(p_name text)
returns text
language sql
immutable
parallel safe
return case
    when p_name = initcap(p_name) or (p_name <> lower(p_name) and p_name <> upper(p_name))
        then p_name
    when p_name !~* ' .* |mc|[''’]| i[iv]+$' then initcap(p_name)
    else replace(
        replace(
            initcap(
                regexp_replace(
                    regexp_replace(
                        lower(p_name),
                        '(?<=\mmc)[[:alpha:]](?=[[:alpha:]])|(?<= ii?)[iv](?=i?$)',
                        e'\u0001\\&',
                        'g'
                    ),
                    '(?<= )(?:af|am|and|av|bin|da|das|de|del|della|den|der|di|do|dos|du|ibn|of|the'
                    '|ten|ter|upon|van|vom|von|y|zu|zum|zur)(?= )'
                    '|(?<= de )(?:la|las|los)(?= )|(?<=\w[''’])s\M',
                    e'\u00010\\&',
                    'g'
                )
            ),
            e'\u00010',
            ''
        ),
        e'\u0001',
        ''
    )
end;

-- Reduce a name to what tells it apart: letters and digits, lower and unaccented. A slash stays, or
-- n/a would be Namibia.
--
-- returns  null for null; the key of a name is that of scripts/make_reference_data.py
-- repeat   safe
create or replace function tidemark.lookup_key(p_name text)
returns text
language sql
immutable
parallel safe
return case
    when octet_length(p_name) = length(p_name) then translate(lower(p_name), ' .,-''()&', '')
    else translate(
        lower(p_name),
        'àáâãäåāăąçćčďđèéêëēėęěğģìíîïīįıķĺļľłñńņňòóôõöøōőŕřśşšșťţțùúûüūůűųýÿźżž .,-''’()&',
        'aaaaaaaaacccddeeeeeeeeggiiiiiiikllllnnnnoooooooorrsssstttuuuuuuuuyyzzz'
    )
end;

-- Whether a text is one email address: a name of dot-separated parts, @, and a domain of at least
-- two labels of which the last begins with a letter. Letters of any script are taken (RFC 6531);
-- quoted names and domain literals are not. 254 characters are the most that SMTP can carry.
--
-- returns  null for null
-- repeat   safe
create or replace function tidemark.is_email(p_text text)
returns boolean
language sql
immutable
parallel safe
return length(p_text) <= 254 and p_text ~ (
    '^[^][ ."(),:;<>@\\]+(?:\.[^][ ."(),:;<>@\\]+)*@'
    '(?:[^][ ."(),:;<>@\\]+\.)+[^][ ."(),:;<>@\\0-9][^][ ."(),:;<>@\\]*$'
);
