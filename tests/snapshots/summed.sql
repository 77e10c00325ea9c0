-- counts
select
    (
        select count(*)
        from landing."agg_sales_daily.computed"
    ),
    (
        select count(*)
        from public.agg_sales_daily
    );

-- differences
select
    case
        when bool_and(c._is_said) then 'missing'
        when not bool_or(c._is_said) then 'surplus'
        else 'changed'
    end as kind,
    array[coalesce(c.sales_month::text, 'null'), coalesce(c.product_group::text, 'null')] as key,
    array_remove(
        array[
            (case
                when min(c.sales::text) filter (where c._is_said)
                    is distinct from min(c.sales::text) filter (where not c._is_said)
                    then 'sales'
            end), (case
                when min(c.quantity::text) filter (where c._is_said)
                    is distinct from min(c.quantity::text) filter (where not c._is_said)
                    then 'quantity'
            end), (case
                when min(c.revenue::text) filter (where c._is_said)
                    is distinct from min(c.revenue::text) filter (where not c._is_said)
                    then 'revenue'
            end),
            null::text
        ],
        null
    ) as columns
from (
    select
        sales_month,
        product_group,
        sales,
        quantity,
        revenue,
        true as _is_said
    from landing."agg_sales_monthly.computed"
    union all
    select
        sales_month,
        product_group,
        sales,
        quantity,
        revenue,
        false as _is_said
    from public.agg_sales_monthly
) as c
group by c.sales_month, c.product_group
having
    count(*) filter (where c._is_said) <> 1
    or count(*) filter (where not c._is_said) <> 1
    or (
        (min(c.sales::text) filter (where c._is_said)) is distinct from (
            min(c.sales::text) filter (where not c._is_said)
        )
        or (min(c.quantity::text) filter (where c._is_said)) is distinct from (
            min(c.quantity::text) filter (where not c._is_said)
        )
        or (min(c.revenue::text) filter (where c._is_said)) is distinct from (
            min(c.revenue::text) filter (where not c._is_said)
        )
    )
order by c.sales_month, c.product_group;
