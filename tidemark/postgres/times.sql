-- Values of columns that say when, and the instants that they mean.

-- name: of_timestamp
({value} at time zone {zone})

-- name: of_date
({value}::timestamp at time zone {zone})

-- name: as_timestamp
({instant} at time zone {zone})
