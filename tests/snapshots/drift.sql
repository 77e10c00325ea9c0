-- add
alter table public.mrr_dim_customers add column vip character varying(9);

-- retype
alter table public.mrr_dim_customers alter column vip type character varying(20);
