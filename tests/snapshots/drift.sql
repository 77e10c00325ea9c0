-- add
alter table landing.customers add column vip character varying(20);

-- retype
alter table public.mrr_dim_customers alter column vip type character varying(20);
