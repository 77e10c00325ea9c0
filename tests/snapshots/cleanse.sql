-- clean
select
    customer_id,
    customer_name,
    email,
    phone,
    city,
    country,
    country_code,
    segment,
    created_at,
    updated_at,
    _batch_id,
    _seq,
    _extracted_at,
    _deleted_at,
    case
        when false or num_nulls(customer_id) > 0
        or updated_at is null or updated_at < '0001-01-01' or updated_at >= '9999-12-31'
            then reject_reasons || array_remove(
                array[(case when num_nulls(customer_id) > 0 then 'key is missing' end),
                (
                    case when updated_at is null
                    or updated_at < '0001-01-01'
                    or updated_at >= '9999-12-31' then 'updated_at is missing, or not between 0001-01-01 and 9999-12-30' end
                )],
                null
            )
        else reject_reasons
    end as reject_reasons,
    _first_batch_id as _landed,
    null::jsonb as _mrr_key,
    null::jsonb as _stg_key,
    true as _is_own,
    null::jsonb as _held,
    false as _frees,
    null::jsonb as _taken_by,
    null::timestamptz as _since
from (
    select
        customer_id,
        customer_name,
        email,
        phone,
        city,
        country,
        country_code,
        segment,
        created_at,
        updated_at,
        _batch_id,
        _seq,
        _extracted_at,
        _deleted_at,
        reject_reasons,
        _first_batch_id
    from landing.clean_customers
    where true
    offset 0
) as v;

-- clean
select
    id,
    name,
    size,
    seen,
    updated_at,
    _batch_id,
    _seq,
    _extracted_at,
    _deleted_at,
    case
        when false or num_nulls(id) > 0
        or updated_at is null or updated_at < '0001-01-01' or updated_at >= '9999-12-31'
        or ((size = 99) and num_nulls(name) > 0)
            then reject_reasons || array_remove(
                array[(case when num_nulls(id) > 0 then 'key is missing' end),
                (
                    case when updated_at is null
                    or updated_at < '0001-01-01'
                    or updated_at >= '9999-12-31' then 'updated_at is missing, or not between 0001-01-01 and 9999-12-30' end
                ),
                (
                    case when (
                        (size = 99) and num_nulls(name) > 0
                    ) then 'it breaks the check no name' end
                )],
                null
            )
        else reject_reasons
    end as reject_reasons,
    _first_batch_id as _landed,
    null::jsonb as _mrr_key,
    null::jsonb as _stg_key,
    true as _is_own,
    null::jsonb as _held,
    false as _frees,
    null::jsonb as _taken_by,
    null::timestamptz as _since
from (
    select
        id,
        name,
        size,
        seen,
        updated_at,
        _batch_id,
        _seq,
        _extracted_at,
        _deleted_at,
        reject_reasons,
        _first_batch_id
    from landing_checked.clean_things
    where true
    offset 0
) as v;

-- clean
select
    sale_id,
    customer_id,
    product_id,
    quantity,
    unit_price,
    discount,
    net_amount,
    status,
    transaction_timestamp,
    transaction_date,
    transaction_year,
    transaction_month,
    transaction_day,
    transaction_hour,
    created_at,
    updated_at,
    _batch_id,
    _seq,
    _extracted_at,
    _deleted_at,
    case
        when false or num_nulls(sale_id) > 0
        or transaction_timestamp is null
        or transaction_timestamp < '0001-01-01'
        or transaction_timestamp >= '9999-12-31'
        or transaction_date < '0001-01-01' or transaction_date > '9999-12-31'
            then reject_reasons || array_remove(
                array[(case when num_nulls(sale_id) > 0 then 'key is missing' end),
                (
                    case when transaction_timestamp is null
                    or transaction_timestamp < '0001-01-01'
                    or transaction_timestamp >= '9999-12-31' then 'transaction_timestamp is missing, or not between 0001-01-01 and 9999-12-30' end
                ),
                (
                    case when transaction_date < '0001-01-01'
                    or transaction_date > '9999-12-31' then 'transaction_date is not between 0001-01-01 and 9999-12-31' end
                )],
                null
            )
        else reject_reasons
    end as reject_reasons,
    _first_batch_id as _landed,
    null::jsonb as _mrr_key,
    null::jsonb as _stg_key,
    true as _is_own,
    null::jsonb as _held,
    false as _frees,
    null::jsonb as _taken_by,
    null::timestamptz as _since
from (
    select
        sale_id,
        customer_id,
        product_id,
        quantity,
        unit_price,
        discount,
        net_amount,
        status,
        transaction_timestamp,
        transaction_date,
        transaction_year,
        transaction_month,
        transaction_day,
        transaction_hour,
        created_at,
        updated_at,
        _batch_id,
        _seq,
        _extracted_at,
        _deleted_at,
        reject_reasons,
        _first_batch_id
    from landing.clean_sales
    where true
    offset 0
) as v;

-- clean
select
    tag,
    part,
    v,
    sizes,
    at,
    updated_at,
    _batch_id,
    _seq,
    _extracted_at,
    case
        when _deleted_at is null and (
            v = 'gone'
        ) then least((at at time zone 'Europe/Berlin'), _extracted_at)
        else _deleted_at
    end as _deleted_at,
    case
        when false or num_nulls(tag, part) > 0
        or at is null or at < '0001-01-02' or at >= '9999-12-30'
            then reject_reasons || array_remove(
                array[(case when num_nulls(tag, part) > 0 then 'key is missing' end),
                (
                    case when at is null
                    or at < '0001-01-02'
                    or at >= '9999-12-30' then 'at is missing, or not between 0001-01-02 and 9999-12-29' end
                )],
                null
            )
        else reject_reasons
    end as reject_reasons,
    _first_batch_id as _landed,
    null::jsonb as _mrr_key,
    null::jsonb as _stg_key,
    true as _is_own,
    null::jsonb as _held,
    false as _frees,
    null::jsonb as _taken_by,
    null::timestamptz as _since
from (
    select
        tag,
        part,
        v,
        sizes,
        at,
        updated_at,
        _batch_id,
        _seq,
        _extracted_at,
        _deleted_at,
        reject_reasons,
        _first_batch_id
    from landing.clean_things
    where _batch_id = 11 and _seq between 16 and 16
    offset 0
) as v;

-- clean_more
insert into landing."things.cleaned"
select
    tag,
    part,
    v,
    sizes,
    at,
    updated_at,
    _batch_id,
    _seq,
    _extracted_at,
    case
        when _deleted_at is null and (
            v = 'gone'
        ) then least((at at time zone 'Europe/Berlin'), _extracted_at)
        else _deleted_at
    end as _deleted_at,
    case
        when false or num_nulls(tag, part) > 0
        or at is null or at < '0001-01-02' or at >= '9999-12-30'
            then reject_reasons || array_remove(
                array[(case when num_nulls(tag, part) > 0 then 'key is missing' end),
                (
                    case when at is null
                    or at < '0001-01-02'
                    or at >= '9999-12-30' then 'at is missing, or not between 0001-01-02 and 9999-12-29' end
                )],
                null
            )
        else reject_reasons
    end as reject_reasons,
    _first_batch_id as _landed,
    null::jsonb as _mrr_key,
    null::jsonb as _stg_key,
    true as _is_own,
    null::jsonb as _held,
    false as _frees,
    null::jsonb as _taken_by,
    null::timestamptz as _since
from (
    select
        tag,
        part,
        v,
        sizes,
        at,
        updated_at,
        _batch_id,
        _seq,
        _extracted_at,
        _deleted_at,
        reject_reasons,
        _first_batch_id
    from landing.clean_things
    where _first_batch_id > 1
    offset 0
) as v;

-- shown_again
select
    l._batch_id,
    l._seq,
    l._before
from (
    select
        _batch_id,
        _seq,
        lag(_seq) over (partition by _batch_id, tag, part order by _seq) as _before
    from landing.things
) as l
where l._before is not null
order by l._batch_id, l._seq;
