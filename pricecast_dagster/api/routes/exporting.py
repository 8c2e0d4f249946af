"""All stored forecasts at once, as CSV or Parquet, streamed: memory does not grow with the number of products.

Belongs here: the two forms. Not here: reading them (`storage.forecasts.stream`).
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from pricecast_dagster.api.problems import responses
from pricecast_dagster.api.services import Services
from pricecast_dagster.schemas import BACKTEST_COLUMNS
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.storage import forecasts
from pricecast_dagster.storage.forecasts import StoredForecast

if TYPE_CHECKING:
    import pyarrow as pa

PRODUCTS_AT_ONCE: Final = 100
PARQUET: Final = "application/vnd.apache.parquet"


def build(services: Services) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["forecasts"])

    def streamed(
        form: Callable[[Iterator[list[StoredForecast]]], Iterator[bytes]], media_type: str, name: str
    ) -> StreamingResponse:
        chunks = form(_in_parts(services.context))
        # The first part is read before the answer begins: from then on, nothing but a cut connection can tell of a failure.
        first = next(chunks)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(_resumed(first, chunks), media_type=media_type, headers=headers)

    @router.get(
        "/ml/forecasts.csv",
        summary="All forecasts as CSV",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **responses()},
    )
    def as_csv() -> StreamingResponse:
        """The stored forecast of every product, one row a product and day."""
        return streamed(_csv, "text/csv; charset=utf-8", "forecasts.csv")

    @router.get(
        "/ml/forecasts.parquet",
        summary="All forecasts as Parquet",
        response_class=StreamingResponse,
        responses={200: {"content": {PARQUET: {"schema": {"type": "string", "format": "binary"}}}}, **responses()},
    )
    def as_parquet() -> StreamingResponse:
        """As the CSV, with types; one row group for 100 products."""
        return streamed(_parquet, PARQUET, "forecasts.parquet")

    return router


def _in_parts(context: StageContext) -> Iterator[list[StoredForecast]]:
    """Current forecasts of all active products, some hundred at once."""
    part: list[StoredForecast] = []
    with context.database.read() as connection:
        for stored in forecasts.stream(connection):
            part.append(stored)
            if len(part) == PRODUCTS_AT_ONCE:
                yield part
                part = []
    yield part


def _rows(part: Sequence[StoredForecast]) -> Iterator[tuple[object, ...]]:
    """Rows with the columns of schemas.BACKTEST_COLUMNS."""
    for one in part:
        series = zip(one.dates, one.price, one.lower_80, one.upper_80, one.lower_95, one.upper_95, strict=True)
        for horizon, (day, *values) in enumerate(series, start=1):
            yield (one.sku, one.origin, day, horizon, *values, one.model_used)


def _csv(parts: Iterator[list[StoredForecast]]) -> Iterator[bytes]:
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(BACKTEST_COLUMNS)
    for part in parts:
        writer.writerows(_rows(part))
        yield text.getvalue().encode("utf-8", "replace")
        text.seek(0)
        text.truncate()


def _parquet(parts: Iterator[list[StoredForecast]]) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema()
    sink = BytesIO()
    # The writer takes its sink to be at the end of what it has written; so `tell` goes on while the bytes are handed out.
    with pq.ParquetWriter(pa.PythonFile(_Drained(sink), mode="w"), schema, compression="snappy") as writer:
        for part in parts:
            columns = list(zip(*_rows(part), strict=True)) or [()] * len(schema)
            arrays = [_array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            yield sink.getvalue()
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue()


def _array(values: Sequence[Any], kind: "pa.DataType") -> "pa.Array":
    """A column without gaps, from its bytes: `pyarrow.array` asks pandas first, whose import takes 40 MB."""
    import numpy as np
    import pyarrow as pa

    if not pa.types.is_string(kind):
        plain = np.array(values, "datetime64[D]" if pa.types.is_date(kind) else kind.to_pandas_dtype())
        packed = plain.astype(np.int32) if pa.types.is_date(kind) else plain
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(packed)])
    texts = [value.encode("utf-8", "replace") for value in values]
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(ends), pa.py_buffer(b"".join(texts)))


class _Drained:
    """A file that is emptied while it is written to; it remembers how much went through it."""

    def __init__(self, sink: BytesIO) -> None:
        self._sink = sink
        self._written = 0
        self.closed = False

    def write(self, content: bytes) -> int:
        """Take bytes."""
        self._written += len(content)
        return self._sink.write(content)

    def tell(self) -> int:
        """How many bytes were ever written."""
        return self._written

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The end; the bytes stay to be read."""
        self.closed = True


def _schema() -> "pa.Schema":
    import pyarrow as pa

    types = {"sku": pa.string(), "origin": pa.date32(), "date": pa.date32(), "horizon": pa.int16(), "model_used": pa.string()}
    return pa.schema([(name, types.get(name, pa.float64())) for name in BACKTEST_COLUMNS])


def _resumed(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
