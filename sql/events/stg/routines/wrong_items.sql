-- What is wrong with the items of an order.
--
-- returns  each reason once, in alphabetical order; null for null, and where nothing is wrong
-- repeat   safe
create or replace function events.wrong_items(p_items jsonb)
returns text[]
language sql
immutable
parallel safe
return (
    select array_agg(distinct r.reason)
    from jsonb_array_elements(p_items) as i
    cross join lateral (
        values
        (
            case
                when tidemark.clean_text(i.value #>> '{product,id}') is null
                    then 'a product has no id'
                when length(i.value #>> '{product,id}') > 200
                    then 'the id of a product has more than 200 characters'
            end
        ),
        (
            case
                when coalesce(tidemark.try_money(i.value #>> '{product,price}'), -1) < 0
                    then 'a price is not an amount'
            end
        ),
        (
            case
                when coalesce(tidemark.try_integer(i.value ->> 'quantity'), 0) <= 0
                    then 'a quantity is not a positive whole number'
            end
        )
    ) as r (reason)
    where r.reason is not null
);
