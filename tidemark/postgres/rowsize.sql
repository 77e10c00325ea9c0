-- Rows that are too large to be sent (rowsize.py).

-- The error is ours: `driver_errors` reads what it says. The sum is no constant, which the planner
-- would compute before it has seen a row.
-- name: guarded
select {columns}
from ({query}) as r ({columns})
where
    case
        when {total} <= {limit} then true
        else (
            'tidemark: ' || ({total}) || ' of {limit} bytes, in '
            || case greatest({greatest}) {largest} end || ' :tidemark'
        )::boolean
    end

-- name: largest
when {size} then {column}

-- name: length
coalesce(octet_length({column})::bigint, 0)

-- name: printed
case when pg_column_size({column}) > {worth} then octet_length({column}::text)::bigint else 0 end

-- What an array is as text says little: its binary form has the length of each element.
-- name: sent
case when pg_column_size({column}) > {worth} then octet_length(array_send({column}))::bigint else 0 end
