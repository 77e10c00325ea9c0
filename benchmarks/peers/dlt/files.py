"""Load CSV files with a key: `python files.py duckdb FOLDER`, or `pandas`.

A file that was not modified since the last run is not read again. Arrow tables and CSV are what
dlt's documentation recommends for PostgreSQL; its page on files begins with the reader of pandas.
"""

import sys

import dlt
from dlt.sources.filesystem import filesystem, read_csv, read_csv_duckdb

reader, folder = sys.argv[1:]
files = filesystem(
    bucket_url=folder,
    file_glob="*.csv",
    incremental=dlt.sources.incremental("modification_date"),
)
rows = read_csv_duckdb(use_pyarrow=True, chunk_size=100_000) if reader == "duckdb" else read_csv()
sales = (files | rows).with_name("sales")
sales.apply_hints(write_disposition="merge", primary_key="id")
pipeline = dlt.pipeline(f"files_{reader}", destination="postgres", dataset_name=f"dlt_{reader}")
pipeline.run(sales, loader_file_format="csv")
