"""Load the customers, with their history: `python pipeline.py full` or `incremental`.

A full extract is what dlt's scd2 expects: a row that is gone is retired. With the natural key as
its merge key it takes what has changed alone, and retires nothing that is absent.
"""

import sys

import dlt
from dlt.sources.helpers.transform import add_row_hash_to_table
from dlt.sources.sql_database import sql_table

extract = sys.argv[1]
customers = sql_table(
    table="customers",
    backend="pyarrow",
    incremental=dlt.sources.incremental("updated_at") if extract == "incremental" else None,
)
customers.apply_hints(
    write_disposition={
        "disposition": "merge",
        "strategy": "scd2",
        "row_version_column_name": "row_hash",
    },
    merge_key="customer_id" if extract == "incremental" else None,
)
customers.add_map(add_row_hash_to_table("row_hash"))
pipeline = dlt.pipeline(extract, destination="postgres", dataset_name=f"dlt_{extract}")
# The file format that dlt's documentation recommends for Arrow tables and PostgreSQL: COPY.
pipeline.run(customers, loader_file_format="csv")
