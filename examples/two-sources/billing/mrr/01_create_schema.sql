create table mrr_accounts (
    account_id integer,
    name text,
    terms text,
    updated_at timestamptz
);
select tidemark.create_mirror('mrr_accounts', array['account_id']);

create table mrr_invoices (
    invoice_id integer,
    account_id integer,
    amount numeric(12, 2),
    issued_at timestamptz,
    updated_at timestamptz
);
select tidemark.create_mirror('mrr_invoices', array['invoice_id']);
