-- From MRR into the landing tables of STG.

-- Each landed row gets its number in place of MRR's first batch, and the view passes it on.
-- name: numbered
select {columns}
from (
    select
        {passed},
        row_number() over () as _first_batch_id
    from ({rows}) as r
) as v
