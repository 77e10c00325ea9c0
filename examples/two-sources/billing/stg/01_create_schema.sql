create unlogged table landing_billing.accounts (
    account_id integer,
    name text,
    terms text,
    updated_at timestamptz,
    _batch_id bigint,
    _seq bigint,
    _first_batch_id bigint,
    _extracted_at timestamptz,
    _deleted_at timestamptz
);

create unlogged table landing_billing.invoices (
    invoice_id integer,
    account_id integer,
    amount numeric(12, 2),
    issued_at timestamptz,
    updated_at timestamptz,
    _batch_id bigint,
    _seq bigint,
    _first_batch_id bigint,
    _extracted_at timestamptz,
    _deleted_at timestamptz
);

create table stg_accounts (
    account_id integer,
    name text,
    terms text,
    updated_at timestamptz
);
select tidemark.create_mirror('stg_accounts', array['account_id']);

create table stg_invoices (
    invoice_id integer,
    account_id integer,
    amount numeric(12, 2),
    issued_at timestamptz,
    issued_on date,
    updated_at timestamptz
);
select tidemark.create_mirror('stg_invoices', array['invoice_id']);
