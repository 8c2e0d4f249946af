import bz2
import gzip
import io
import lzma
import zipfile

import pytest

from pricecast_dagster.errors import SettingsError, UnreadableFileError
from pricecast_dagster.sources.encodings import decoded, looks_like_gbk, uncompressed

PORTUGUESE = "sku;nome\n1;PROMOÇÃO de MAÇÃ\n2;Açúcar união\n3;Pão de mel à moda\n"
CHINESE = "编号,名称,价格\n1,苹果,3.50\n2,牛奶,12.00\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_portuguese_is_read_in_any_encoding_it_comes_in(encoding):
    assert decoded(PORTUGUESE.encode(encoding), "auto", "f.csv").content.decode() == PORTUGUESE


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_chinese_is_read_in_any_encoding_it_comes_in(encoding):
    assert decoded(CHINESE.encode(encoding), "auto", "f.csv").content.decode() == CHINESE


@pytest.mark.parametrize("text", ["Maçã", "PROMOÇÃO", "Café", "crème brûlée", "Açúcar", "Größe", "NAÇÕES;12", "à la carte"])
def test_a_word_with_accents_in_latin_1_is_not_taken_for_chinese(text):
    assert not looks_like_gbk(text.encode("latin-1"))
    assert decoded(text.encode("latin-1"), "auto", "f.csv").content.decode() == text


@pytest.mark.parametrize("text", ["苹果", "A4纸500张", "可口可乐330ml,罐"])
def test_words_in_gbk_are_chinese(text):
    assert looks_like_gbk(text.encode("gbk"))


def test_windows_characters_are_read_as_such():
    assert decoded("preço “novo” 5 €".encode("cp1252"), "auto", "f.csv").content.decode() == "preço “novo” 5 €"


def test_a_few_damaged_bytes_do_not_turn_a_utf_8_file_into_another_encoding():
    text = "maçã pão café açúcar feijão limão " * 3
    damaged = decoded(text.encode() + b"\xff", "auto", "f.csv")
    assert damaged.content.decode() == text + "\ufffd"
    assert damaged.damaged == 1


@pytest.mark.parametrize("line_end", ["\r\n", "\r", "\n"])
def test_line_ends_of_every_system_become_line_feeds(line_end):
    assert decoded(f"a{line_end}b".encode(), "auto", "f.csv").content == b"a\nb"


def test_a_set_encoding_is_believed_and_a_file_that_is_not_in_it_is_told_with_its_line():
    assert decoded("ç".encode("cp850"), "cp850", "f.csv").content.decode() == "ç"
    with pytest.raises(UnreadableFileError, match=r"File f.csv is not utf-8: byte 4, in line 2"):
        decoded(b"ok\nx\xff", "utf-8", "f.csv")


@pytest.mark.parametrize("name", ["utf-99", "hex"])
def test_an_encoding_that_does_not_exist_is_a_wrong_setting(name):
    with pytest.raises(SettingsError, match="PRICECAST_ENCODING"):
        decoded(b"zz", name, "f.csv")


def zipped(*contents: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for position, content in enumerate(contents):
            archive.writestr(f"{position}.csv", content)
    return buffer.getvalue()


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zipped, bytes])
def test_compression_is_told_by_the_bytes(compress):
    assert uncompressed(compress(b"a,b\n"), "f.csv") == b"a,b\n"


@pytest.mark.parametrize(
    "raw",
    [gzip.compress(b"a,b\n" * 1000)[:30], zipped(b"a" * 999)[:60], zipped(b"1", b"2"), b"BZhxxxx"],
    ids=["gzip cut off", "zip cut off", "two files", "bzip2 damaged"],  # bytes as names hold the time they were made at
)
def test_a_damaged_archive_or_one_of_several_files_is_refused_by_name(raw):
    with pytest.raises(UnreadableFileError, match=r"File f\.csv"):
        uncompressed(raw, "f.csv")
