-- count
select
    count(*)
from landing.clean_things;

-- lacking
select count(*)
from landing.clean_things
where v is null and reject_reasons = '{}' and _deleted_at is null;

-- repeated_key
select array[id::text]
from landing_sold.items
where num_nulls(id) = 0
group by id
having count(*) > 1
order by 1
limit 1;
