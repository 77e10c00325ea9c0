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
    with items as (
        select
            x.value #>> '{product,id}' as product_id,
            tidemark.try_money(x.value #>> '{product,price}') as price,
            tidemark.try_integer(x.value ->> 'quantity') as quantity
        from jsonb_array_elements(p_items) as x -- noqa: RF03
    ),

    reasons as (
        select
            case
                when tidemark.clean_text(i.product_id) is null then 'a product has no id'
                when length(i.product_id) > 200
                    then 'the id of a product has more than 200 characters'
            end as reason
        from items as i
        union all
        select 'a price is not an amount' as reason
        from items as i
        where coalesce(i.price, -1) < 0
        union all
        select 'a quantity is not a positive whole number' as reason
        from items as i
        where coalesce(i.quantity, 0) <= 0
    )

    select array_agg(distinct r.reason)
    from reasons as r
    where r.reason is not null
);
