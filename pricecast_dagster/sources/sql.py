"""SQL: tables of a database as sheets.

Belongs here: connecting, reflecting and selecting, on anything SQLAlchemy has a dialect for; the only module of `sources`
that knows it. Not here: understanding values (`values`), and our own database (`storage`).

Rows are numbered in the order of the primary key, or of our columns where there is none, and that number is their line.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from pricecast_dagster.errors import SourceUnavailableError
from pricecast_dagster.schemas import DATE, MODIFIED_AT
from pricecast_dagster.settings import Settings
from pricecast_dagster.sources.columns import Kind, Layout, completed, lay_out
from pricecast_dagster.sources.sheet import Sheet, joined_values

if TYPE_CHECKING:
    import pyarrow as pa

_FETCHED_TOGETHER = 50_000


def read_tables(settings: Settings) -> tuple[list[Sheet], list[Layout], list[str]]:
    """Every table of the source: sheets, what they are, and notes.

    Raises:
        SourceUnavailableError: the database does not answer, or has no table of prices.
        MissingColumnsError: a table lacks columns.
    """
    with _connection(settings) as connection:
        tables = _tables(connection, settings)
        found = [(table, _layout(table, kind, settings)) for kind, table in tables.items()]
        layouts = completed([layout for _, layout in found])
        sheets = [_read(connection, table, layout) for (table, _), layout in zip(found, layouts, strict=True)]
    kinds = {layout.kind for layout in layouts}
    notes = []
    if Kind.PRODUCTS not in kinds:
        notes.append(f"There is no table {_name_of(Kind.PRODUCTS, settings)}: every SKU with a price is a product.")
    if not kinds & {Kind.SALES, Kind.HISTORY}:
        notes.append(f"There is no table {_name_of(Kind.SALES, settings)}: no quantity is known.")
    return sheets, layouts, notes


def table_states(settings: Settings) -> list[tuple[str, dict[str, str]]]:
    """Of every table the number of rows, and the latest date and `modified_at`, without reading the rows themselves.

    Raises:
        SourceUnavailableError: the database does not answer, or has no table of prices.
        MissingColumnsError: a table lacks columns.
    """
    with _connection(settings) as connection:
        return [
            (table.fullname, _state(connection, table, _layout(table, kind, settings)))
            for kind, table in _tables(connection, settings).items()
        ]


@contextmanager
def _connection(settings: Settings) -> Iterator[sa.Connection]:
    shown = settings.source
    try:
        url = sa.engine.make_url(settings.source)
        shown = url.render_as_string(hide_password=True)
        if _is_missing_file(url):
            raise SourceUnavailableError(f"The source {shown} is not there.")
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg2")  # the driver we install
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            yield connection
    except sa.exc.NoSuchModuleError as error:
        raise SourceUnavailableError(
            f"The source {shown} is neither files nor a database we know: {error}.", remedy="Install its dialect, or correct it."
        ) from error
    except (sa.exc.SQLAlchemyError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or error).strip()
        raise SourceUnavailableError(f"The source {shown} does not answer: {reason}.") from error


def _is_missing_file(url: sa.URL) -> bool:
    # SQLite would make an empty database of a mistyped name.
    if not url.drivername.startswith("sqlite") or not url.database or url.database.startswith(("file:", ":memory:")):
        return False
    return not Path(url.database).is_file()


def _tables(connection: sa.Connection, settings: Settings) -> dict[Kind, sa.Table]:
    inspector = sa.inspect(connection)
    names = {kind: _name_of(kind, settings) for kind in (Kind.PRODUCTS, Kind.PRICES, Kind.SALES)}
    present = {kind: name for kind, name in names.items() if inspector.has_table(_bare(name), schema=_schema(name))}
    if Kind.PRICES not in present and Kind.SALES not in present:
        there = sorted([*inspector.get_table_names(), *inspector.get_view_names()])
        raise SourceUnavailableError(
            f"The source has no table {names[Kind.PRICES]}; it has {', '.join(there) or 'no tables'}.",
            remedy="Name the tables in PRICECAST_TABLES.",
        )
    if present.get(Kind.PRICES) == present.get(Kind.SALES):
        present = {Kind.HISTORY: present[Kind.PRICES], **present}
        del present[Kind.PRICES], present[Kind.SALES]
    return {
        kind: sa.Table(_bare(name), sa.MetaData(), schema=_schema(name), autoload_with=connection)
        for kind, name in sorted(present.items())
    }


def _name_of(kind: Kind, settings: Settings) -> str:
    return settings.tables.get(kind.value, kind.value)


def _bare(name: str) -> str:
    return name.rpartition(".")[2]


def _schema(name: str) -> str | None:
    return name.rpartition(".")[0] or None


def _layout(table: sa.Table, kind: Kind, settings: Settings) -> Layout:
    layout = lay_out(f"Table {table.fullname}", [column.name for column in table.columns], kind, settings.columns)
    assert layout is not None  # only a file may be of no kind
    return layout


def _read(connection: sa.Connection, table: sa.Table, layout: Layout) -> Sheet:
    import pyarrow as pa

    columns = list(table.columns)
    # Raw values: a processor of SQLAlchemy raises on the first date it cannot read, and SQLite holds anything anywhere.
    raw = [sa.type_coerce(column, sa.types.NullType()).label(column.name) for column in columns]
    ordered = list(table.primary_key.columns) or [columns[position] for position in layout.columns.values()]
    statement = sa.select(*raw).order_by(*ordered)
    result = connection.execution_options(stream_results=True, max_row_buffer=_FETCHED_TOGETHER).execute(statement)
    parts: list[pa.Table] = []
    for rows in result.partitions(_FETCHED_TOGETHER):
        parts.append(pa.table([_to_arrow(values) for values in zip(*rows, strict=True)], names=[c.name for c in columns]))
    names = [column.name for column in columns]
    table_of_all = _stacked(parts) if parts else pa.table({name: pa.array([], pa.string()) for name in names})
    lines = np.arange(1, table_of_all.num_rows + 1)
    return Sheet(table.fullname, table_of_all, lines, joined_values(table_of_all))


def _to_arrow(values: Sequence[Any]) -> "pa.Array":
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _stacked(parts: "Sequence[pa.Table]") -> "pa.Table":
    """Parts of one table; a column whose values have other types in another part is a column of texts."""
    import pyarrow as pa

    try:
        return pa.concat_tables(parts, promote_options="default")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        names = parts[0].column_names
        texts = [[_to_arrow_texts(part.column(name)) for part in parts] for name in names]
        return pa.table([pa.chunked_array(chunks, pa.string()) for chunks in texts], names=names)


def _to_arrow_texts(column: "pa.ChunkedArray") -> "pa.Array":
    import pyarrow as pa

    return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())


def _state(connection: sa.Connection, table: sa.Table, layout: Layout) -> dict[str, str]:
    measured: Mapping[str, Any] = {
        "rows": sa.func.count(),
        **{
            name: sa.func.max(sa.type_coerce(list(table.columns)[layout.columns[name]], sa.types.NullType()))
            for name in (DATE, MODIFIED_AT)
            if name in layout.columns
        },
    }
    row = connection.execute(sa.select(*(value.label(name) for name, value in measured.items())).select_from(table)).one()
    return {name: str(value) for name, value in row._mapping.items()}
