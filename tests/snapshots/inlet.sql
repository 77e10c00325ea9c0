-- number
select setval(pg_get_serial_sequence('"landing_dropped"."whole"', '_seq'), 1, false);

-- receive
copy landing."customers.keys" (customer_id, updated_at) from stdin (format "binary");
