-- violations
select count(*) from (select sale_id
from landing.sales
where net_amount is distinct from round(quantity * unit_price * (1 - discount), 2)
) as violation;
