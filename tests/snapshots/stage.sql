-- numbered
select customer_id, name, email, phone, city, country, segment, created_at, updated_at, _batch_id, row_number() over () as _first_batch_id, _extracted_at, _deleted_at, _seq from (select customer_id, name, email, phone, city, country, segment, created_at, updated_at, _batch_id, _first_batch_id, _extracted_at, _deleted_at, _seq from public.mrr_dim_customers where _batch_id > 0
union all
select customer_id, name, email, phone, city, country, segment, created_at, updated_at, _batch_id, _first_batch_id, _extracted_at, _deleted_at, _seq from public.mrr_dim_customers_history where _batch_id > 0) as v;
