-- judge
update pg_temp."dropped.careful" as c
set _reasons = array_remove(array[case when c.id is null then 'key is null: ' || 'id' end, null, case
    when not pg_input_is_valid(c._line, 'bigint')
        then tidemark.why_refused('_line', c._line, 'bigint')
end, null::text], null)
where
    coalesce(cardinality(c._reasons), 0) = 0
    and cardinality(array_remove(array[case when c.id is null then 'key is null: ' || 'id' end, null, case
        when not pg_input_is_valid(c._line, 'bigint')
            then tidemark.why_refused('_line', c._line, 'bigint')
    end, null::text], null)) > 0;

-- judge
update landing."docs.careful" as c
set _reasons = array_remove(array[case
    when not pg_input_is_valid(c.id, 'integer')
        then tidemark.why_refused('id', c.id, 'integer')
end, case
    when length(c.doc) - length(translate(c.doc, '[{', '')) > 1000
        then tidemark.why_refused('doc', c.doc, 'jsonb')
    when not pg_input_is_valid(c.doc, 'jsonb')
        then tidemark.why_refused('doc', c.doc, 'jsonb')
end, case
    when c.docs is null then (select tidemark.why_refused('docs', null, 'jsonb[]'))
    else tidemark.why_refused('docs', c.docs, 'jsonb[]')
end, null::text], null)
where
    coalesce(cardinality(c._reasons), 0) = 0
    and cardinality(array_remove(array[case
        when not pg_input_is_valid(c.id, 'integer')
            then tidemark.why_refused('id', c.id, 'integer')
    end,
    case
        when length(c.doc) - length(translate(c.doc, '[{', '')) > 1000
            then tidemark.why_refused('doc', c.doc, 'jsonb')
        when not pg_input_is_valid(c.doc, 'jsonb')
            then tidemark.why_refused('doc', c.doc, 'jsonb')
    end,
    case
        when c.docs is null then (select tidemark.why_refused('docs', null, 'jsonb[]'))
        else tidemark.why_refused('docs', c.docs, 'jsonb[]')
    end, null::text], null)) > 0;

-- judge
update pg_temp."typed.careful" as c
set _reasons = array_remove(array[coalesce(case when c.id is null then 'key is null: ' || 'id' end, case
    when not pg_input_is_valid(c.id, 'integer')
        then tidemark.why_refused('id', c.id, 'integer')
end), null, case
    when not pg_input_is_valid(c._line, 'bigint')
        then tidemark.why_refused('_line', c._line, 'bigint')
end, null::text], null)
where
    coalesce(cardinality(c._reasons), 0) = 0
    and cardinality(array_remove(array[coalesce(case when c.id is null then 'key is null: ' || 'id' end, case
        when not pg_input_is_valid(c.id, 'integer')
            then tidemark.why_refused('id', c.id, 'integer')
    end), null, case
        when not pg_input_is_valid(c._line, 'bigint')
            then tidemark.why_refused('_line', c._line, 'bigint')
    end, null::text], null)) > 0;

-- keep
insert into landing."things.refused" (item, line, row_text, reasons)
select
    'journal',
    coalesce(c._physical, c._number - (select min(_number) from landing."things.careful") + 1),
    coalesce(
        c._text, (to_jsonb(c) - array['_number', '_physical', '_reasons', '_text']::text[])::text
    ),
    c._reasons
from landing."things.careful" as c
where cardinality(c._reasons) > 0
order by c._number;

-- take
insert into pg_temp.typed (id, v, _line)
select c.id::integer, c.v::text, c._line::bigint
from pg_temp."typed.careful" as c
where coalesce(cardinality(c._reasons), 0) = 0
order by c._number;
