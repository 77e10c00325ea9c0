create or replace view commerce.reporting_customer_stats as
with bought as (
    select
        s.customer_id,
        min(s.order_date) as first_order,
        max(s.order_date) as last_order,
        count(distinct s.order_id) as orders_count,
        sum(s.net_amount) as lifetime_value
    from commerce.vw_sales as s
    group by s.customer_id
),

latest as (
    select max(o.order_date) as as_of from commerce.fact_orders as o
)

select
    c.customer_id,
    c.customer_name,
    c.email,
    c.segment,
    b.first_order,
    b.last_order,
    b.orders_count,
    b.lifetime_value,
    d.as_of,
    d.as_of - b.last_order as days_since_last_order,
    commerce.fn_churn_risk(b.last_order, d.as_of) as churn_risk
from bought as b
inner join commerce.dim_customers as c on b.customer_id = c.customer_id and c.is_current
cross join latest as d;

comment on view commerce.reporting_customer_stats is
'One row per customer with a sale: who it is now, and all sales. churn_risk is that of fn_churn_risk
on as_of, the date of the last order in the star; fn_customers_at_risk tells it of any date.';
