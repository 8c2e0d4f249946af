"""Fingerprints: whether the source may have changed, without reading it; and the version of a SKU's rows.

Belongs here: hashing. Not here: what changed (`stages.ingest`).
"""

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from pricecast_dagster.schemas import DATE, PRICE, QUANTITY, SKU
from pricecast_dagster.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

_READING: Final = (
    "source",
    "tables",
    "columns",
    "encoding",
    "separator",
    "decimal",
    "day_first",
    "absurd_factor",
    "country",
)
"""Settings that change what is read out of the same bytes."""

READING_VERSION: Final = 2
"""Raise it when the same bytes are read otherwise: every source is then read again."""


def cheap_fingerprint(settings: Settings) -> str:
    """Names the state of the source: files by name, size, time and etag; tables by row count and maxima.

    Two equal ones mean that most probably nothing changed: a file overwritten within the clock's grain by one of the same
    size, or a row of a table corrected in place without `modified_at`, is only found by a full read.

    Raises:
        SourceUnavailableError: the source is not there.
    """
    if is_database(settings.source):
        from pricecast_dagster.sources.sql import table_states

        state: object = table_states(settings)
    else:
        from pricecast_dagster.sources.folder import find_files

        _, files, _ = find_files(settings)
        state = [(file.name, dict(file.state)) for file in files]
    reading = {name: getattr(settings, name) for name in _READING}
    text = json.dumps([READING_VERSION, reading, state], sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def history_versions(history: "pd.DataFrame") -> dict[str, str]:
    """SKU -> the version of its rows, 32 hexadecimal characters.

    It depends on SKU, days, prices and quantities (to a millionth) and on nothing else: not on the order of rows, the file
    they came in, or the other SKUs.

    Args:
        history: HISTORY_COLUMNS.
    """
    import numpy as np

    from pricecast_dagster.sources.parsing import rounded

    rows = history
    if not _is_sorted(history):
        rows = history.sort_values([SKU, DATE], kind="stable")
    skus = rows[SKU].to_numpy(dtype=object)
    if not len(skus):
        return {}
    packed = np.empty(len(skus), dtype=[("day", "<i8"), ("price", "<f8"), ("quantity", "<f8")])
    packed["day"] = rows[DATE].to_numpy().astype("datetime64[D]").astype(np.int64)
    for column in (PRICE, QUANTITY):
        values = rounded(rows[column].to_numpy(dtype=np.float64))
        packed[column] = np.where(np.isnan(values), np.nan, values)  # one NaN of the many bit patterns there are
    starts = np.flatnonzero(np.concatenate([[True], skus[1:] != skus[:-1]]))
    ends = np.concatenate([starts[1:], [len(skus)]])
    content = memoryview(packed.tobytes())
    width = packed.dtype.itemsize
    versions = {}
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        hasher = blake2b(str(skus[start]).encode() + b"\0", digest_size=16)
        hasher.update(content[start * width : end * width])
        versions[str(skus[start])] = hasher.hexdigest()
    return versions


def is_database(source: str) -> bool:
    """Whether a source is a SQLAlchemy URL rather than a folder or a URL of files."""
    scheme, separator, _ = source.partition("://")
    if not separator:
        return False
    from fsspec.registry import known_implementations

    return scheme.partition("+")[0] not in known_implementations and "::" not in scheme


def _is_sorted(history: "pd.DataFrame") -> bool:
    import numpy as np

    same = (history[SKU] == history[SKU].shift()).to_numpy()
    later = (history[DATE] >= history[DATE].shift()).to_numpy()
    # A new SKU must be one not seen before: sorted neighbours are not enough.
    return bool((later | ~same).all()) and int(np.count_nonzero(~same)) == history[SKU].nunique()
