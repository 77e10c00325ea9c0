-- reserved in: payload

-- Rows that came as text: which of them are bad, and where they go. In every statement c is {careful}.

-- name: reasons
array_remove(array[{reason}, null::text], null)

-- name: reason_of_text_key
case when {value} is null then 'key is null: ' || {column} end

-- name: reason_of_key
coalesce(case when {value} is null then 'key is null: ' || {column} end, {reason})

-- name: reason_told
case
    when not pg_input_is_valid({value}, {type})
        then tidemark.why_refused({column}, {value}, {type})
end

-- An error is caught row by row, which takes ten times as long. Without so many brackets there is none.
-- name: reason_nested
case
    when length({value}) - length(translate({value}, '[{{', '')) > 1000
        then tidemark.why_refused({column}, {value}, {type})
    when not pg_input_is_valid({value}, {type})
        then tidemark.why_refused({column}, {value}, {type})
end

-- name: reason_raised
case
    when {value} is null then (select tidemark.why_refused({column}, null, {type}))
    else tidemark.why_refused({column}, {value}, {type})
end

-- A row that the sender has given up is not looked at.
-- name: judge
update {careful} as c
set _reasons = {reasons}
where
    coalesce(cardinality(c._reasons), 0) = 0
    and cardinality({reasons}) > 0

-- name: keep
insert into {refused} (item, line, row_text, reasons)
select
    {item},
    {line},
    coalesce(c._text, (to_jsonb(c) - {rest}::text[])::text),
    c._reasons
from {careful} as c
where cardinality(c._reasons) > 0
order by c._number

-- Where a row begins in its item.
-- name: line
coalesce(c._physical, c._number - (select min(_number) from {careful}) + 1)

-- name: take
insert into {landing} ({columns})
select {c.columns::types}
from {careful} as c
where coalesce(cardinality(c._reasons), 0) = 0
order by c._number
