"""Keys: a SKU as a Dagster partition key and as a file name, readable where it can be, reversible always.

Belongs here: the two encodings and what is too long for them. Not here: folders and paths (`storage.frames`,
`storage.artifacts`).

Percent-encoding of the UTF-8 bytes of everything but letters, digits, `-`, `_` and single dots inside: Dagster refuses `...`
and control characters and reads `|`, `,`, `*` and `[` as syntax, a `/` makes folders, a leading dot hides a file. Two SKUs that
differ in case only have different keys; on a file system that ignores case they may share a folder, which readers notice (a
frame carries its SKU) and report.
"""

import re
from hashlib import blake2b
from urllib.parse import quote_from_bytes, unquote_to_bytes

from pricecast_dagster.errors import DataError

LONGEST_KEY = 2000
"""PostgreSQL refuses index entries of more than about 2,700 bytes; Dagster keeps keys in an index, so do we."""

LONGEST_FILE_NAME = 200
"""File systems allow 255 bytes; the rest is for suffixes."""

CONTROL_CHARACTERS = "\\x00-\\x1f\\x7f"
"""As a class of a regular expression: no file, page or address can be trusted to carry them in a name."""

_CONTROL = re.compile(f"[{CONTROL_CHARACTERS}]")
_DOT_TO_ENCODE = re.compile(r"^\.|\.$|\.(?=\.)|(?<=\.)\.")


def why_unusable(sku: str) -> str | None:
    """Why a text cannot be a SKU, in words; None where it can. For those who take rows in."""
    if not sku:
        return "no SKU"
    if _CONTROL.search(sku):
        return "SKU with control characters"
    if any("\ud800" <= character <= "\udfff" for character in sku):
        return "SKU with characters that no database takes"
    if len(_encoded(sku)) > LONGEST_KEY:
        return f"SKU of {len(sku)} characters"
    return None


def encode_key(sku: str) -> str:
    """The partition key of a SKU; `A-17` stays `A-17`, `a/b` becomes `a%2Fb`.

    Raises:
        DataError: the SKU is empty, or so long that no database indexes its key.
    """
    if not sku:
        raise DataError("A SKU is empty.", remedy="Give every product a name in the source.")
    key = _encoded(sku)
    if len(key) > LONGEST_KEY:
        raise DataError(
            f"SKU {sku[:40]!r}... has {len(sku)} characters, {len(key)} as a key; at most {LONGEST_KEY} can be indexed.",
            remedy="Shorten it in the source.",
        )
    return key


def _encoded(sku: str) -> str:
    # `surrogatepass`: whatever Python takes for a string has a key. quote() leaves `~` alone; shortened names need it.
    quoted = quote_from_bytes(sku.encode("utf-8", "surrogatepass"), safe="").replace("~", "%7E")
    return _DOT_TO_ENCODE.sub("%2E", quoted)


def decode_key(key: str) -> str:
    """The SKU of a partition key."""
    return unquote_to_bytes(key).decode("utf-8", "surrogatepass")


def file_name(sku: str) -> str:
    """The key of a SKU as the name of a file or folder; a long one is cut and made unique by a hash, and not reversible."""
    key = encode_key(sku)
    if len(key) <= LONGEST_FILE_NAME:
        return key
    return f"{key[: LONGEST_FILE_NAME - 33]}~{blake2b(key.encode(), digest_size=16).hexdigest()}"


def fan(sku: str) -> str:
    """Two hexadecimal characters that spread SKUs over 256 folders: a folder of 50,000 entries is slow to list."""
    return blake2b(sku.encode("utf-8", "surrogatepass"), digest_size=1).hexdigest()
