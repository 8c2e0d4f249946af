"""What the tests of sources share: folders of a few files, and reading them.

Belongs here: writing files and reading them with settings. Not here: assertions.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import pandas as pd

from pricecast_dagster.schemas import DATE, LINE, PRICE, QUANTITY, REASON, ROW, SKU
from pricecast_dagster.settings import load_settings
from pricecast_dagster.sources.reading import SourceData, read_source

TODAY = date(2026, 6, 1)


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Files by name, texts in UTF-8 without any change of line ends."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def read(source: Path | str, *, skus: Iterable[str] | None = None, today: date = TODAY, **settings: object) -> SourceData:
    return read_source(load_settings(source=str(source), **settings), today=today, skus=None if skus is None else list(skus))


def read_files(folder: Path, files: Mapping[str, str | bytes], **settings: object) -> SourceData:
    return read(write_files(folder, files), **settings)


def history_rows(data: SourceData) -> list[tuple[str, str, float, float | None]]:
    """The history as plain tuples, an unknown quantity as None."""
    return [
        (row[SKU], f"{row[DATE]:%Y-%m-%d}", row[PRICE], None if pd.isna(row[QUANTITY]) else row[QUANTITY])
        for row in data.history.to_dict("records")
    ]


def rejected_rows(data: SourceData) -> list[tuple[int, str, str]]:
    """Line, raw row and reason of every rejected line."""
    return [(row[LINE], row[ROW], row[REASON]) for row in data.rejected.to_dict("records")]


def assert_every_line_is_accounted_for(data: SourceData, lines: int | None = None) -> None:
    """Taken and rejected by reason add up to the lines, in all and by kind, and the frame has a row for each rejected."""
    for counts in (data.counts, *data.counts_by_kind.values()):
        rejected = sum(count for name, count in counts.items() if name.startswith("rejected: "))
        assert counts["lines"] == counts["taken"] + rejected
    told = {name.removeprefix("rejected: "): n for name, n in data.counts.items() if name.startswith("rejected: ")}
    assert data.rejected[REASON].value_counts().to_dict() == told
    assert sum(counts["lines"] for counts in data.counts_by_kind.values()) == data.counts["lines"]
    if lines is not None:
        assert data.counts["lines"] == lines
