-- Rejects as a person reads them: the newest first, and how many were new on each day.
create index stg_rejects_area_first_seen_at_idx
on stg_rejects (area, first_seen_at desc, reject_id desc);
