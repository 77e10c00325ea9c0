create or replace view landing_billing.clean_invoices as
select
    invoice_id,
    account_id,
    amount,
    issued_at,
    (issued_at at time zone 'UTC')::date as issued_on,
    updated_at,
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    '{}'::text[] as reject_reasons
from landing_billing.invoices;
