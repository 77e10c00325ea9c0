-- check
select 1
from (
    select
        tag,
        part,
        v,
        sizes,
        at,
        updated_at,
        _batch_id,
        _seq,
        _first_batch_id,
        _extracted_at,
        _deleted_at
    from landing.clean_things
) as v
where
    false
    and (
        v = 'gone'
    );
