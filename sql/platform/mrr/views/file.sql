-- The files that were taken, or set aside.
create or replace view tidemark.file as
select
    p.area,
    p.entity,
    p.item as path,
    (p.position ->> 'size')::bigint as size,
    p.position ->> 'etag' as etag,
    p.position ->> 'sha256' as sha256,
    (p.position ->> 'modified')::timestamptz as modified,
    p.batch_id,
    (p.position ->> 'rows')::bigint as rows,
    (p.position ->> 'refused')::bigint as refused,
    p.position ->> 'status' as status,
    p.position ->> 'reason' as reason,
    p.position -> 'place' as place,
    coalesce((p.position ->> 'late')::boolean, false) as is_late
from tidemark.source_position as p
where p.position ? 'status';

comment on view tidemark.file is
'One row per file of a source that was read, as it was last: taken, or set aside with the reason.
Of a file in object storage the etag is known, of another one the SHA-256 of its content. place:
what it is sorted by. is_late: a file that sorts behind it had been taken before.';
