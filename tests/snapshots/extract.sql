-- null_keys
select
    count(*),
    count(*) filter (where customer_id is null)
from landing.customers
where num_nulls(customer_id) > 0;
