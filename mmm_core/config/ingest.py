"""Sections about where data comes from: ingest, external_data."""

from typing import Annotated, Literal

from pydantic import Field

from mmm_core.config.base import Section
from mmm_core.config.inputs import Name

Connector = Literal["file", "local_csv", "sql", "figshare", "kaggle", "simulator"]
Md5 = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{32}$")]


class SimulatorConfig(Section):
    """A simulated panel with known truth."""

    preset: (
        Literal[
            "small_business", "growing_business", "medium_business", "large_business", "geo_effects", "endogenous"
        ]
        | None
    ) = None
    """A panel of the benchmark instead of one of the sizes below."""
    n_geos: int = Field(8, ge=1, le=2000)
    n_weeks: int = Field(104, ge=20, le=1040)
    n_channels: int = Field(5, ge=1, le=60)
    n_controls: int = Field(2, ge=0, le=20)
    start_date: Name = "2023-01-02"
    """Monday of the first week, ISO."""
    seed: int = Field(20240101, ge=0)


class FileFormatConfig(Section):
    """How a text file or workbook is written; Parquet needs none of it."""

    separator: Literal["auto", ",", ";", "\t", "|"] = "auto"
    """Between the fields of a text file; `auto` takes the one that the header has."""
    decimal: Literal[".", ","] = "."
    """Decimal sign of a text file."""
    encoding: Name = "utf-8"
    """Of a text file (`utf-8`, `latin-1`, `cp1252`, `utf-16`, ...)."""
    sheet: Name | None = None
    """Sheet of an Excel workbook; null: its only one."""


class RetryConfig(Section):
    """How patient remote connectors are."""

    attempts: int = Field(5, ge=1, le=20)
    first_pause_seconds: float = Field(0.5, ge=0, le=60)
    """Pause before the second try; it doubles each time, with a random part, up to a minute."""
    timeout_seconds: float = Field(60.0, gt=0, le=3600)
    """Longest wait for an answer, or for the next bytes of one."""


class SqlConfig(Section):
    """A query against any database that SQLAlchemy reaches; nothing is ever written.

    PostgreSQL, DuckDB, BigQuery and Snowflake need the extras `sql-postgres`, `duckdb`, `bigquery`, `snowflake`.
    """

    url: Name | None = None
    """SQLAlchemy URL, e.g. `postgresql+psycopg://user:${DB_PASSWORD}@host/db`, `duckdb:///file.duckdb`."""
    query: Name | None = None
    """One SELECT statement.  Give this or `table`."""
    table: Name | None = None
    """Table or view, `schema.table` if need be."""


class FigshareConfig(Section):
    """A file of a Figshare article; what is not public needs a token in the variable FIGSHARE_TOKEN."""

    article_id: int | None = Field(None, ge=1)
    version: int | None = Field(None, ge=1)
    """Version of the article; null: the newest."""
    file_id: int | None = Field(None, ge=1)
    """The file; with `article_id`, one of its files."""
    file_name: Name | None = None
    """The file by name, instead of by id, if the article has several."""
    md5: Md5 | None = None
    """Expected checksum where the service gives none (a `file_id` without an article)."""
    api: Name = "https://api.figshare.com/v2"
    """Address of the service."""


class KaggleConfig(Section):
    """A file of a Kaggle dataset, fetched by kagglehub (extra `kaggle`) with the account that KAGGLE_USERNAME and
    KAGGLE_KEY, or KAGGLE_API_TOKEN, name in the environment."""

    dataset: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+(/versions/\d+)?$")] | None = None
    """Handle `owner/name`, or `owner/name/versions/3`."""
    file: Name | None = None
    """Path of the file inside the dataset; null: its only table."""


class TableConfig(Section):
    """One more table, whose columns are put beside those of the main one."""

    path: Name
    """File or URL; in a Kaggle dataset or Figshare article that `ingest` names: `connector:` and its name,
    e.g. `kaggle:MediaInvestment.csv`."""
    format: FileFormatConfig = FileFormatConfig()
    date_col: Name | None = None
    """Column with any date of the period; or `year_col` and `month_col`; none of them: values that do not
    change with time."""
    year_col: Name | None = None
    month_col: Name | None = None
    """Month as a number (1-12)."""
    date_format: Name | None = None
    """How its dates are written (strptime); null: recognised, as with `data.date_format`."""
    grain: Literal["day", "week", "month", "quarter", "year"] = "day"
    """Period that one row stands for.  A weekly row's date is its first day."""
    keys: dict[Name, Name] = {}
    """column of this table -> column of the main table that must be equal (geo, currency, ...)."""
    amounts: dict[Name, Name] = {}
    """new column -> column of this table that is a total of the period: spread evenly over its days."""
    levels: dict[Name, Name] = {}
    """new column -> column of this table that holds on every day of the period."""
    carry_days: int = Field(0, ge=0, le=366)
    """Days for which a level holds on after the period of its last value, until there is another: 3 or 4 for daily
    rates without weekends and holidays."""


class ExternalDataConfig(TableConfig):
    """A table from outside; all its columns become controls."""

    kind: Literal["competitor", "economic", "market_research", "weather", "other"] = "other"
    """What it is, for the documents."""


class IngestConfig(Section):
    """Where raw data comes from."""

    connector_priority: tuple[Connector, ...] = Field(("file",), min_length=1)
    """Connectors in the order in which they are tried; one that is not configured is passed over.
    `local_csv` is another name of `file`."""
    if_unreachable: Literal["next", "stop"] = "next"
    """When a configured service or file cannot be reached: try the `next` configured connector and say so in
    log, metadata and a check, or `stop`.  Data that is reached but wrong, or refused, always stops; simulated data
    never stands in."""
    path: Name | None = None
    """CSV, Parquet or Excel file, a folder of Parquet files or a pattern (`data/*.csv`): a local path or any
    fsspec URL (`https://`, `s3://`, `gs://`, `az://`, ...)."""
    format: FileFormatConfig = FileFormatConfig()
    sql: SqlConfig = SqlConfig()
    figshare: FigshareConfig = FigshareConfig()
    kaggle: KaggleConfig = KaggleConfig()
    simulator: SimulatorConfig = SimulatorConfig()
    retries: RetryConfig = RetryConfig()
    download_cache: bool = True
    """Keep what remote connectors fetched under `paths.storage`, by content; what is unchanged is not
    fetched again, and a broken download is resumed."""
    tables: dict[Name, TableConfig] = {}
    """Further tables, e.g. media that is only known by month."""
