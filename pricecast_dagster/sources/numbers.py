"""Numbers: texts such as 1.234,50 or R$ 12,90 as floating point, and which decimal mark a file uses.

Belongs here: number formats. Not here: what a number must be to be a price (`parsing`).

Works on Arrow arrays of distinct texts: a column of a million prices has a few thousand of them.
"""

from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

DecimalMark = Literal[".", ","]

_SPACES: Final = r"\s\x{a0}\x{202f}"
"""RE2 knows only ASCII's; these two are what typists and printf put between thousands."""
_GROUPS: Final = rf"{_SPACES}'’"
"""Marks that only ever separate thousands."""
_CURRENCY: Final = rf"^([+-]?)[{_SPACES}]*(?:R\$|US\$|[$€£¥]|[A-Z]{{3}}[{_SPACES}])[{_SPACES}]*([+-]?)"

_CURRENCY_BEHIND: Final = rf"[{_SPACES}]*(?:R\$|US\$|[$€£¥]|[{_SPACES}][A-Z]{{3}})$"


def parse_numbers(texts: "pa.Array", mark: DecimalMark) -> NDArray[np.float64]:
    """Texts as numbers, (n,); NaN where a text is none, or is too large for one.

    Args:
        texts: any texts; currency signs before or behind, spaces and well-placed thousands marks are understood.
        mark: the decimal mark; the other one may separate thousands, in threes and not after a leading zero.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    bare = _bare(texts)
    valid = _is_number(bare, mark)
    bare = pc.replace_substring_regex(bare, f"[{_GROUPS}]", "")
    if mark == ",":
        plain = pc.replace_substring(pc.replace_substring(bare, ".", ""), ",", ".")
    else:
        plain = pc.replace_substring(bare, ",", "")
    numbers = pc.cast(pc.if_else(valid, plain, pa.scalar(None, pa.string())), pa.float64())
    values = np.array(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    return values


def parse_either(texts: "pa.Array", mark: DecimalMark) -> NDArray[np.float64]:
    """As `parse_numbers`; a text that makes no sense under the mark but does under the other is read so (12.90 among 12,90)."""
    values = parse_numbers(texts, mark)
    return np.where(np.isnan(values), parse_numbers(texts, "." if mark == "," else ","), values)


def mark_votes(texts: "pa.Array", counts: NDArray[np.int64]) -> int:
    """How many more rows can only be read with a decimal comma than only with a point; negative for the point.

    Args:
        texts: distinct texts.
        counts: (n,) in how many rows each stands.
    """
    bare = _bare(texts)
    comma, point = (_is_number(bare, mark).to_numpy(zero_copy_only=False).astype(bool) for mark in (",", "."))
    return int(counts[comma & ~point].sum() - counts[point & ~comma].sum())


def either_way(texts: "pa.Array") -> NDArray[np.bool_]:
    """Which texts are a number under both marks, and not the same one: 1,250 and 1.250; (n,)."""
    point, comma = parse_numbers(texts, "."), parse_numbers(texts, ",")
    return np.asarray(~np.isnan(point) & ~np.isnan(comma) & (point != comma))


def decimal_mark(votes: int, separator: str) -> DecimalMark:
    """What most rows can only be read with; where nothing tells, a semicolon between fields of the file means a comma."""
    if votes:
        return "," if votes > 0 else "."
    return "," if separator == ";" else "."


def _bare(texts: "pa.Array") -> "pa.Array":
    import pyarrow.compute as pc

    bare = pc.replace_substring(pc.utf8_trim_whitespace(texts), "−", "-")
    bare = pc.replace_substring_regex(bare, _CURRENCY, r"\1\2")
    return pc.replace_substring_regex(bare, _CURRENCY_BEHIND, "")


def _is_number(bare: "pa.Array", mark: DecimalMark) -> "pa.Array":
    import pyarrow.compute as pc

    decimal, thousands = (",", ".") if mark == "," else (".", ",")
    whole = rf"(?:[1-9]\d{{0,2}}(?:[{thousands}{_GROUPS}]\d{{3}})+|\d+)"
    pattern = rf"^[+-]?(?:{whole}(?:[{decimal}]\d*)?|[{decimal}]\d+)(?:[eE][+-]?\d{{1,3}})?$"
    return pc.fill_null(pc.match_substring_regex(bare, pattern), False)
