-- What the cleansing views refuse an event for, and why: each returns one reason.

-- What is wrong with a key of S3: it has 1 to 1,024 bytes.
--
-- returns  the reason; null where nothing is wrong
-- repeat   safe
create or replace function assets.wrong_key(p_s3_key text)
returns text
language sql
immutable
parallel safe
return case
    when coalesce(p_s3_key, '') = '' then 's3_key is missing'
    when octet_length(p_s3_key) > 1024 then 's3_key has more than 1024 bytes'
end;

-- What is wrong with a name or an id: it has 1 to 200 characters, and not blanks alone.
--
-- returns  the reason, which calls it p_column; null where nothing is wrong
-- repeat   safe
create or replace function assets.wrong_name(p_column text, p_name text)
returns text
language sql
immutable
parallel safe
return case
    when tidemark.clean_text(p_name) is null then p_column || ' is missing'
    when length(p_name) > 200 then p_column || ' has more than 200 characters'
end;

-- What is wrong with the time of an event that was received at p_received_at.
--
-- returns  the reason, which calls it p_column; null where nothing is wrong
-- repeat   safe
create or replace function assets.wrong_time(
    p_column text, p_at timestamptz, p_received_at timestamptz
)
returns text
language sql
immutable
parallel safe
return case
    when p_at is null then p_column || ' is missing'
    when p_at < '1970-01-01 00:00+00' then p_column || ' is before 1970'
    -- Clocks differ by some minutes, and not by more.
    when p_at > p_received_at + interval '5 minutes' then p_column || ' is in the future'
end;
