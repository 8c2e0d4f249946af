"""Encodings: the bytes of a CSV file as UTF-8 with plain line ends, whatever they were.

Belongs here: compression, byte order marks, guessing an encoding. Not here: fields and lines (`delimited`).

The guess is a rule, not a statistic of a library's version: the same bytes always give the same text.
"""

import codecs
import re
from dataclasses import dataclass
from typing import Final

from pricecast_dagster.errors import SettingsError, UnreadableFileError

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
INSTEAD_OF_NUL: Final = b"\x7f"
"""DEL: no blank, so that a line of nothing else is not passed over."""
_SAMPLE_BYTES: Final = 1 << 16
_HIGH_RUN: Final = re.compile(rb"([A-Za-z]?)([\x80-\xff]+)([A-Za-z]?)")
_WINDOWS_ONLY: Final = re.compile(rb"[\x80-\x9f]")
_FEW_DAMAGED: Final = 10
"""A file with ten times more whole UTF-8 characters than broken ones is UTF-8 with damage, not another encoding."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text.

    Attributes:
        content: as UTF-8, lines ended by a line feed only, a NUL replaced by `INSTEAD_OF_NUL`.
        encoding: it was in, as Python names it.
        damaged: how many characters could not be decoded and were replaced by U+FFFD.
    """

    content: bytes
    encoding: str
    damaged: int = 0


def decoded(raw: bytes, encoding: str, file: str) -> Decoded:
    """The text of a file.

    Args:
        raw: its bytes, uncompressed.
        encoding: a Python codec name, or `auto`: a byte order mark, UTF-16 by its zero bytes, UTF-8, then GBK or Latin-1
            by `looks_like_gbk`.
        file: name for messages.

    Raises:
        SettingsError: there is no such encoding.
        UnreadableFileError: the bytes are not in the encoding that was set.
    """
    if encoding != "auto":
        return _with_plain_line_ends(_decoded_as_set(raw, encoding, file))
    for mark, name in _MARKS:
        if raw.startswith(mark):
            text = raw[len(mark) :].decode(name, errors="replace")
            return _with_plain_line_ends(Decoded(text.encode(errors="replace"), name, text.count("\ufffd")))
    return _with_plain_line_ends(_guessed(raw))


def guessed_encoding(raw: bytes) -> str:
    """The encoding of bytes without a mark, by the rule of `decoded`."""
    return _guessed(raw).encoding


def looks_like_gbk(raw: bytes) -> bool:
    """Whether bytes that are not UTF-8 are Chinese in GBK rather than a Western text in Latin-1.

    Almost any Latin-1 text can be read as GBK ("ção" is two hanzi and a letter), so trying the one and then the other would
    turn every Portuguese file into Chinese. What differs is the company bytes keep: hanzi are two high bytes each and come
    in rows; an accented letter stands alone, or in a pair ("çã"), between plain letters. Every run of high bytes votes.
    """
    try:
        raw.decode("gb18030")
    except UnicodeDecodeError:
        return False
    votes = 0
    for before, run, after in _HIGH_RUN.findall(raw[: _SAMPLE_BYTES * 16]):
        if len(run) >= 4:
            votes += 1 if len(run) % 2 == 0 else 0
        elif len(run) == 2 and not before and not after:
            votes += 1
        else:
            votes -= 1
    return votes > 0


def uncompressed(raw: bytes, file: str) -> bytes:
    """The content of a compressed file, told by its first bytes and not by its name; anything else as it is.

    Raises:
        UnreadableFileError: it is cut off or damaged, or an archive of several files.
    """
    import bz2
    import gzip
    import lzma
    import zipfile
    import zlib

    try:
        if raw.startswith(b"\x1f\x8b"):
            return gzip.decompress(raw)
        if raw.startswith(b"BZh"):
            return bz2.decompress(raw)
        if raw.startswith(b"\xfd7zXZ\x00"):
            return lzma.decompress(raw)
        if raw.startswith(b"PK\x03\x04"):
            return _only_member(raw, file)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError) as error:
        raise UnreadableFileError(f"File {file} is compressed, and cut off or damaged: {error}.") from error
    return raw


def _only_member(raw: bytes, file: str) -> bytes:
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = [member for member in archive.namelist() if not member.endswith("/")]
        if len(members) != 1:
            raise UnreadableFileError(f"File {file} is an archive of {len(members)} files; one is read.", remedy="Unpack it.")
        return archive.read(members[0])


def _decoded_as_set(raw: bytes, encoding: str, file: str) -> Decoded:
    try:
        name = codecs.lookup(encoding).name
        text = raw.decode(name)
    except LookupError as error:  # also of codecs that are not text encodings, such as `hex`
        raise SettingsError(f"PRICECAST_ENCODING is {encoding!r}, which is no encoding of text.") from error
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UnreadableFileError(
            f"File {file} is not {encoding}: byte {error.start}, in line {line}, has no meaning there.",
            remedy="Set PRICECAST_ENCODING=auto, or the encoding the file is in.",
        ) from error
    return Decoded(text.removeprefix("\ufeff").encode(errors="replace"), name)


def _guessed(raw: bytes) -> Decoded:
    wide = _utf16_by_zero_bytes(raw[:_SAMPLE_BYTES])
    if wide:
        text = raw.decode(wide, errors="replace")
        return Decoded(text.encode(errors="replace"), wide, text.count("\ufffd"))
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return _not_clean_utf8(raw)
    return Decoded(raw, "utf-8")


def _not_clean_utf8(raw: bytes) -> Decoded:
    text = raw.decode("utf-8", errors="replace")
    damaged = text.count("\ufffd")
    whole = len(text) - len(text.encode("ascii", errors="ignore")) - damaged
    if whole >= _FEW_DAMAGED * damaged:
        return Decoded(text.encode(), "utf-8", damaged)
    if looks_like_gbk(raw):
        return Decoded(raw.decode("gb18030").encode(errors="replace"), "gb18030")
    if _WINDOWS_ONLY.search(raw):
        try:
            return Decoded(raw.decode("cp1252").encode(), "cp1252")
        except UnicodeDecodeError:
            pass  # five bytes have no meaning in it; in Latin-1 every byte has one
    return Decoded(raw.decode("latin-1").encode(), "latin-1")


def _utf16_by_zero_bytes(sample: bytes) -> str:
    # Digits, letters and separators have a zero byte each in UTF-16; no other text has any.
    pairs = len(sample) // 2
    if pairs < 2:
        return ""
    low, high = sample[1::2].count(0), sample[0::2].count(0)
    if low > pairs * 0.4 and high < pairs * 0.1:
        return "utf-16-le"
    if high > pairs * 0.4 and low < pairs * 0.1:
        return "utf-16-be"
    return ""


def _with_plain_line_ends(text: Decoded) -> Decoded:
    content = text.content
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n")
        # Alone it ends lines only where nothing else does; elsewhere it is a stray mark inside a field.
        content = content.replace(b"\r", b" " if b"\n" in content else b"\n")
    # Few databases take a NUL. Another control character in its place keeps a SKU with one from passing for a usable name.
    content = content.replace(b"\0", INSTEAD_OF_NUL)
    return Decoded(content, text.encoding, text.damaged)
