-- The application that the billing area reads, with a few rows. `tidemark migrate` makes it where
-- the source is embedded, and `tidemark migrate --sample` in an empty database of yours.

create table accounts (
    account_id integer primary key,
    name text not null,
    terms text not null,
    updated_at timestamptz not null default now()
);

create table invoices (
    invoice_id integer primary key,
    account_id integer references accounts (account_id),
    amount numeric(12, 2) not null,
    issued_at timestamptz not null,
    updated_at timestamptz not null default now()
);

create index accounts_updated_at_idx on accounts (updated_at);
create index invoices_updated_at_idx on invoices (updated_at);

insert into accounts (account_id, name, terms)
values
(1, 'Bakery', '14 days'),
(2, 'Cinema', '30 days');

insert into invoices (invoice_id, account_id, amount, issued_at)
values
(1, 1, 120.00, '2026-01-10 09:00:00+00'),
(2, 1, 80.50, '2026-01-24 09:00:00+00'),
(3, 2, 990.00, '2026-02-01 12:00:00+00');

grant usage on schema public to tidemark_etl;
grant select on accounts, invoices to tidemark_etl;
