-- receive
copy landing."customers.keys" (customer_id, updated_at) from stdin (format binary);

-- receive
copy landing."things.keys" (tag, part, updated_at) from stdin (format csv, null 'NULL');
