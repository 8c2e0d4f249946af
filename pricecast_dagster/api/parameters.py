"""Parameters: what several calls take, each with its limits, in one place.

Belongs here: types of path, query and body values. Not here: what a call does with them.
"""

from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import AfterValidator, StringConstraints

from pricecast_dagster.errors import DataError
from pricecast_dagster.storage.keys import CONTROL_CHARACTERS, encode_key

LONGEST_HORIZON_DAYS: Final = 60
MOST_SKUS: Final = 1000
NO_CONTROL: Final = f"^[^{CONTROL_CHARACTERS}]*$"
"""Databases refuse some control characters, Dagster others; the source's rows with such a SKU are not taken."""


def _storable(sku: str) -> str:
    """A SKU that a key can be made of.

    Raises:
        ValueError: it is too long for a key.
    """
    try:
        encode_key(sku)
    except DataError as error:
        raise ValueError(str(error)) from error
    return sku


Sku = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=NO_CONTROL), AfterValidator(_storable)]
"""A product's name, any text without control characters."""

SkuPath = Annotated[Sku, Path(description="the product; encode a slash in it as %2F", examples=["SKU0001"])]
Days = Annotated[int, Query(ge=1, le=LONGEST_HORIZON_DAYS, description="days ahead", examples=[14])]
Version = Annotated[str, StringConstraints(pattern=r"^\d{8}T\d{6}Z$")]
