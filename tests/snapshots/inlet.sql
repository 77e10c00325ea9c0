-- number
select setval(pg_get_serial_sequence('"pg_temp"."typed"', '_seq'), 1, false);

-- receive
copy landing."customers.keys" (customer_id, updated_at) from stdin (format "binary");
