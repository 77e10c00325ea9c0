-- receive
copy landing."customers.keys" (customer_id, updated_at) from stdin (format "binary");
