create or replace view landing_billing.clean_accounts as
select
    account_id,
    btrim(name) as name,
    terms,
    updated_at,
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    array_remove(array[
        case when btrim(name) = '' then 'name is missing' end
    ], null) as reject_reasons
from landing_billing.accounts;
