"""Parquet: a file of typed columns as a sheet.

Belongs here: reading one file. Not here: finding files (`folder`) and understanding values (`values`).
"""

import io

import numpy as np

from pricecast_dagster.errors import UnreadableFileError
from pricecast_dagster.sources.sheet import Sheet, joined_values

MAGIC = b"PAR1"


def read_parquet(raw: bytes, file: str) -> Sheet:
    """A Parquet file; its line numbers are row numbers from 1.

    Raises:
        UnreadableFileError: it is cut off or damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        # Not read_table: it finds columns by name, and fails where two have the same one. Threads do nothing for bytes at hand.
        table = parquet.ParquetFile(io.BytesIO(raw)).read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFileError(f"File {file} is Parquet, and cut off or damaged: {error}.") from error
    return Sheet(file, table, np.arange(1, table.num_rows + 1), joined_values(table))
