"""SKUs as partition keys and as names of files."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricecast_dagster.errors import DataError
from pricecast_dagster.storage.keys import LONGEST_KEY, decode_key, encode_key, fan, file_name, why_unusable

skus = st.one_of(
    st.text(min_size=1, max_size=60),
    st.text(alphabet=string.ascii_letters + "./~%|*[],- \x00\n", min_size=1, max_size=20),
    st.sampled_from([".", "..", "...", "a...b", "a.b", "a/b", "%2F", "~", "CON", "Açúcar 1 kg", "商品", "\ud800"]),
)


@given(skus)
def test_every_sku_comes_back_from_its_key(sku: str) -> None:
    assert decode_key(encode_key(sku)) == sku


@given(skus)
def test_a_key_is_plain_text_that_dagster_and_file_systems_take(sku: str) -> None:
    key = encode_key(sku)
    assert set(key) <= set(string.ascii_letters + string.digits + "-_.%")
    assert "..." not in key
    assert not key.startswith(".")
    assert not key.endswith(".")


@given(skus, skus)
def test_different_skus_have_different_files(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)


@pytest.mark.parametrize("sku", ["A-17", "15036", "85123A", "size_42", "v1.5"])
def test_a_simple_sku_stays_as_it_is(sku: str) -> None:
    assert encode_key(sku) == sku == file_name(sku)


def test_a_slash_makes_no_folder() -> None:
    assert encode_key("a/b") == "a%2Fb"


def test_a_sku_of_300_characters_has_a_key_and_a_file() -> None:
    sku = "ß" * 150 + "x" * 150
    assert decode_key(encode_key(sku)) == sku
    assert len(file_name(sku)) <= 200


def test_long_skus_that_differ_in_the_last_character_have_different_files() -> None:
    assert file_name("x" * 300 + "1") != file_name("x" * 300 + "2")


def test_a_sku_that_no_database_can_index_is_refused_with_its_length() -> None:
    with pytest.raises(DataError, match=r"700 characters, 2100 as a key.*Shorten it"):
        encode_key("\n" * 700)
    assert len(encode_key("\n" * 600)) < LONGEST_KEY


def test_an_empty_sku_is_refused() -> None:
    with pytest.raises(DataError, match="empty"):
        encode_key("")


def test_skus_spread_over_the_folders() -> None:
    assert len({fan(f"SKU-{number}") for number in range(5000)}) == 256


def test_dagster_takes_every_key() -> None:
    dagster = pytest.importorskip("dagster")
    keys = [encode_key(sku) for sku in ("a...b", "a\nb", "a|b", "[a...b]", "*", "a,b", "\x00")]
    with dagster.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("skus", keys)
        assert sorted(instance.get_dynamic_partitions("skus")) == sorted(keys)


@pytest.mark.parametrize("sku", ["", "a\x00b", "a\nb", "\t", "a\x1fb", "a\x7f", "\ud800", "x" * 2001])
def test_who_takes_rows_in_can_ask_which_skus_cannot_be_kept(sku: str) -> None:
    assert why_unusable(sku)


@pytest.mark.parametrize("sku", ["A-17", "a/b", "商品" * 100, " ", "a\u00a0b"])
def test_and_which_can(sku: str) -> None:
    assert why_unusable(sku) is None
