-- both
select
    (select json_agg(f) from (select
        name,
        number
    from tidemark.lock
    where name = any (:names)
    order by name) as f) as first,
    (select json_agg(s) from (select coalesce(max(batch_id), 0) as batch_id
    from tidemark.applied_batch
    where area = :area) as s) as second;
