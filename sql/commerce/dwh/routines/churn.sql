-- How likely a customer is lost, by the days since the last order: LOW up to 14 days, MEDIUM up to
-- 30, HIGH beyond.
--
-- returns  null without an order
-- repeat   safe
create or replace function commerce.fn_churn_risk(p_last_order date, p_as_of date)
returns text
language sql
immutable
parallel safe
return case
    when p_as_of - p_last_order <= 14 then 'LOW'
    when p_as_of - p_last_order <= 30 then 'MEDIUM'
    when p_as_of - p_last_order > 30 then 'HIGH'
end;
