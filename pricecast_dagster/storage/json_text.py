"""JSON text: the one form in which facts are kept, in database columns and in files.

Belongs here: making the text. Not here: what is kept.
"""

import json
import math
from collections.abc import Mapping
from typing import Any


def to_json(value: object, *, indent: int | None = None, sort_keys: bool = False) -> str:
    """JSON that both databases take: numbers that are not finite become null, numpy's become plain ones.

    Raises:
        TypeError: something in it has no form in JSON.
    """
    try:
        return _dump(value, indent, sort_keys)
    except ValueError:  # a number that is not finite
        return _dump(_finite(value), indent, sort_keys)


def _dump(value: object, indent: int | None, sort_keys: bool) -> str:
    return json.dumps(value, default=_plain, allow_nan=False, ensure_ascii=False, indent=indent, sort_keys=sort_keys)


def _plain(value: Any) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _finite(value: Any) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return _finite(value.tolist()) if hasattr(value, "tolist") else value
