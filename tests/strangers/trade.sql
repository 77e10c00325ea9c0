-- Goods for customers: no time of change anywhere, naive timestamps, names of all sorts, two schemas.

create schema sales;
create domain sales.amount as numeric(12, 2) check (value >= 0);

create table categories (
    category_id smallint primary key,
    category_name varchar(15) not null,
    description text,
    picture bytea
);
create table suppliers (
    supplier_id smallint primary key,
    company_name varchar(40) not null,
    "Contact Name" varchar(30),
    iban text,
    homepage text
);
create table products (
    product_id smallint primary key,
    product_name varchar(40) not null,
    supplier_id smallint references suppliers,
    category_id smallint references categories,
    unit_price real,
    units_in_stock smallint,
    discontinued integer not null default 0,
    valid_from date,
    is_current boolean not null default true
);
create table regions (region_id smallint primary key, region_description bpchar not null);
create table territories (
    territory_id varchar(20) primary key,
    territory_description bpchar not null,
    region_id smallint not null references regions
);
create table employees (
    employee_id smallint primary key,
    last_name varchar(20) not null,
    birth_date date,
    reports_to smallint references employees,
    notes text,
    photo_path varchar(255)
);
create table employee_territories (
    employee_id smallint not null references employees,
    territory_id varchar(20) not null references territories,
    primary key (employee_id, territory_id)
);
create table customers (
    customer_id char(5) primary key,
    company_name varchar(40) not null,
    city varchar(15),
    phone varchar(24)
);
create table sales."order" (
    order_id smallint primary key,
    customer_id char(5) references customers,
    employee_id smallint references employees,
    checked_by smallint references employees,
    order_date date,
    required_date date,
    shipped_date timestamp,
    freight sales.amount,
    ship_name varchar(40)
);
create table sales.order_details (
    order_id smallint not null references sales."order",
    product_id smallint not null references products,
    unit_price real not null,
    quantity smallint not null,
    discount real not null,
    primary key (order_id, product_id)
);
create table sales.bills (
    id bigint primary key,
    customer_id char(5) not null references customers,
    billed timestamptz not null,
    status text
);
create table sales."bill rows" (
    "row" uuid primary key,
    bill bigint not null references sales.bills,
    product smallint references products,
    status text,
    "net %" numeric(9, 2) not null
);
create table sales.row_taxes (
    "row" uuid references sales."bill rows",
    kind text,
    tax numeric(9, 2) not null,
    primary key ("row", kind)
);
create table sales."Price List" (
    "productId" smallint not null references products,
    "group" text not null,
    price sales.amount not null,
    "updatedAt" timestamp(3) not null default current_timestamp,
    constraint one_price_per_group unique ("productId", "group")
);
create table sales.shipments (
    shipment_no bigint not null,
    part integer not null,
    carrier text,
    "100 % {of}" integer,
    primary key (shipment_no, part)
);
create table sales.parcels (
    parcel_id uuid primary key,
    shipment_no bigint not null,
    part integer not null,
    packed_at timestamp not null,
    weight double precision,
    foreign key (part, shipment_no) references sales.shipments (part, shipment_no)
);
create table usage_log (note text);
create table nothing ();
create table us_states (
    state_id smallint primary key,
    state_abbr varchar(2),
    details jsonb,
    area int4range,
    governed daterange,
    updated_at timestamptz not null default 'infinity'
);
create view sales.open_orders as select o.order_id from sales."order" as o where o.shipped_date is null;

insert into categories values (1, 'Beverages', 'Soft drinks', '\x15'), (2, 'Condiments', null, null);
insert into suppliers values (1, 'Exotic Liquids', 'Charlotte', 'DE00', null);
insert into products values (1, 'Chai', 1, 1, 18, 39, 0, '2025-01-01'), (2, 'Syrup', 1, 2, 10, 13, 1, null);
insert into regions values (1, 'Eastern');
insert into territories values ('01581', 'Westboro', 1);
insert into employees values (2, 'Fuller', '1952-02-19', null, 'a note', null), (1, 'Davolio', null, 2, null, null);
insert into employee_territories values (1, '01581'), (2, '01581');
insert into customers values ('ALFKI', 'Alfreds', 'Berlin', '030'), ('BO', 'Bolido', null, null);
insert into sales."order" values
(1, 'ALFKI', 1, 2, '2025-01-04', '2025-02-01', '2025-01-06 10:00', 32.38, 'Alfreds'),
(2, 'BO', 1, null, '2025-01-05', null, null, null, null);
insert into sales.order_details values (1, 1, 18, 5, 0), (1, 2, 10, 1, 0.1), (2, 1, 18, 2, 0);
insert into sales.bills values (1, 'ALFKI', '2025-01-07 23:30Z', 'open'), (2, 'BO', '2025-01-08Z', null);
insert into sales."bill rows" values
('00000000-0000-0000-0000-00000000000a', 1, 1, 'new', 18), ('00000000-0000-0000-0000-00000000000b', 1, null, null, 2),
('00000000-0000-0000-0000-00000000000c', 2, 2, 'new', 10);
insert into sales.row_taxes values
('00000000-0000-0000-0000-00000000000a', 'vat', 3.42), ('00000000-0000-0000-0000-00000000000c', 'vat', 1.9);
insert into sales."Price List" ("productId", "group", price) values (1, 'retail', 18), (1, 'o''ne', 20);
insert into sales.shipments values (7, 1, 'Speedy'), (7, 2, null);
insert into sales.parcels values ('00000000-0000-0000-0000-000000000001', 7, 2, '2025-01-06 09:00', 1.5);
insert into usage_log values ('x');
insert into us_states values (1, 'AL', '{"a": 1}', '[1,5)'), (2, 'AK', null, null);
