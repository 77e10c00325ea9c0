"""Copy the customers as they are to another server: `python mirror.py full` or `incremental`.

Behind it dbt keeps the history. What is gone from the source is gone from a full copy; a copy that
takes what has changed alone still has it.
"""

import sys

import dlt
from dlt.sources.sql_database import sql_table

extract = sys.argv[1]
is_full = extract == "full"
customers = sql_table(
    table="customers",
    backend="pyarrow",
    incremental=None if is_full else dlt.sources.incremental("updated_at"),
)
customers.apply_hints(
    write_disposition="replace" if is_full else "merge",
    primary_key="customer_id",
)
pipeline = dlt.pipeline(f"mirror_{extract}", destination="postgres", dataset_name="mirror")
pipeline.run(customers, loader_file_format="csv")
