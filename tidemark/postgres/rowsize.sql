-- Rows that are too large to be sent (rowsize.py).

-- `driver_errors` reads the message of this error. The failing cast depends on the row: the planner
-- would evaluate a constant one before it has seen any row.
-- name: guarded
select {columns}
from ({query}) as r ({columns})
where
    case
        when 0 {+ size} <= {limit} then true
        else (
            'tidemark: ' || (0 {+ size}) || ' of {limit} bytes, in '
            || case greatest({size}) {when size then name} end || ' :tidemark'
        )::boolean
    end

-- name: length
coalesce(octet_length({column})::bigint, 0)

-- name: printed
case
    when pg_column_size({column}) > {worth} then octet_length({column}::text)::bigint
    else 0
end

-- The text of an array says little about its binary form, which has a length for each element.
-- name: sent
case
    when pg_column_size({column}) > {worth} then octet_length(array_send({column}))::bigint
    else 0
end
