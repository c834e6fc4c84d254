"""Packages that only some connectors need, and how to get them."""

_EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "az": "azure",
    "abfs": "azure",
    "abfss": "azure",
    "adl": "azure",
    "postgresql": "sql-postgres",
    "duckdb": "duckdb",
    "bigquery": "bigquery",
    "snowflake": "snowflake",
    "kaggle": "kaggle",
    "dagster-postgres": "postgres",
    "dagster-dask": "dask",
}
"""Protocol of a URL, name of a database or service -> extra of this project (pyproject.toml)."""


def install_hint(service: str, missing: str | None = None) -> str:
    """What to install for a protocol, database or service, as the end of a sentence.

    Args:
        service: `s3`, `postgresql`, ...
        missing: module that was not found, if it is known.
    """
    extra = _EXTRAS.get(service)
    if extra is None:
        what = f"the package of {missing}" if missing else f"a package for {service}"
        return f"it needs {what}, which is not installed"
    return f"it needs the extra `{extra}`: run `pip install -e '.[{extra}]'` in this project's folder"
