"""Products that come, go and come back; reads of the source."""

from datetime import UTC, datetime, timedelta

import pytest

from pricecast_dagster.errors import UnknownSkuError
from pricecast_dagster.schemas import Stage
from pricecast_dagster.storage import ingests, products, states
from pricecast_dagster.storage.database import Database
from pricecast_dagster.storage.state_records import Inputs, StageState

NOW = datetime(2026, 3, 4, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def test_a_product_seen_again_keeps_its_first_day_and_takes_its_new_name(database: Database) -> None:
    with database.write() as connection:
        products.upsert(connection, [("A-1", "Soap", "Care")], NOW)
        products.upsert(connection, [("A-1", "Soap 90 g", "Hygiene")], LATER)
        product = products.get(connection, "A-1")
    assert (product.name, product.category, product.first_seen) == ("Soap 90 g", "Hygiene", NOW)


def test_a_product_that_left_is_known_and_not_active(database: Database) -> None:
    with database.write() as connection:
        products.upsert(connection, [("A-1", "Soap", ""), ("A-2", "Salt", "")], NOW)
        products.remove(connection, ["A-1"], LATER)
        assert products.active_skus(connection) == {"A-2"}
        assert products.removed_skus(connection) == {"A-1"}
        assert products.known_skus(connection, ["A-1", "A-2", "A-3"]) == {"A-2"}
        assert products.get(connection, "A-1").removed_at == LATER


def test_a_product_that_comes_back_is_computed_from_scratch(database: Database) -> None:
    with database.write() as connection:
        products.upsert(connection, [("A-1", "Soap", ""), ("A-2", "Salt", "")], NOW)
        rows = [
            StageState(sku, Stage.RAW_HISTORY, "h1", Inputs("h1", "1"), updated_at=NOW, ingest_id=1) for sku in ("A-1", "A-2")
        ]
        states.record_success(connection, rows)
        products.remove(connection, ["A-1"], LATER)
        assert products.upsert(connection, [("A-1", "Soap", ""), ("A-2", "Salt", "")], LATER) == ["A-1"]
        assert set(states.read_states(connection)) == {("A-2", Stage.RAW_HISTORY)}
        assert products.get(connection, "A-1").active
        assert products.get(connection, "A-1").removed_at is None


def test_an_unknown_product_is_told(database: Database) -> None:
    with pytest.raises(UnknownSkuError, match="no product 'B-9'"), database.read() as connection:
        products.get(connection, "B-9")
    with pytest.raises(UnknownSkuError, match="no product 'B-9'"), database.write() as connection:
        products.hold(connection, "B-9", "deleted")


def test_of_a_product_that_is_gone_it_is_told_since_when(database: Database) -> None:
    with database.write() as connection:
        products.upsert(connection, [("A-1", "Soap", "")], NOW)
        products.remove(connection, ["A-1"], LATER)
        assert "'A-1' is gone from the source since 2026-03-05 00:00 UTC" in str(products.absent(connection, "A-1"))
        assert "no product 'A-2'" in str(products.absent(connection, "A-2"))


def test_a_hold_says_why_until_it_is_lifted(database: Database) -> None:
    with database.write() as connection:
        products.upsert(connection, [("A-1", "Soap", ""), ("A-2", "Salt", "")], NOW)
        products.hold(connection, "A-1", "deleted by hand")
        assert products.held(connection, ["A-1", "A-2"]) == {"A-1": "deleted by hand"}
        products.upsert(connection, [("A-1", "Soap", "")], LATER)
        assert products.held(connection, ["A-1", "A-2"]) == {"A-1": "deleted by hand"}
        products.lift_holds(connection, ["A-1", "A-2"])
        assert products.held(connection, ["A-1", "A-2"]) == {}


def test_products_are_found_by_a_part_of_sku_name_or_category_in_pages(database: Database) -> None:
    with database.write() as connection:
        seen = [("B-2", "100 % Juice", "Drinks"), ("A-1", "Soap", "Care"), ("A_2", "Salt", "Pantry")]
        products.upsert(connection, seen, NOW)
        assert [product.sku for product in products.page(connection, limit=2)] == ["A-1", "A_2"]
        assert [product.sku for product in products.page(connection, limit=2, offset=2)] == ["B-2"]
        assert [product.sku for product in products.page(connection, limit=9, search="DRINK")] == ["B-2"]
        assert [product.sku for product in products.page(connection, limit=9, search="a_")] == ["A_2"]
        assert products.count(connection, "% j") == 1
        assert products.count(connection) == 3


def test_50_000_skus_go_into_one_question(database: Database) -> None:
    with database.write() as connection:
        products.upsert(connection, [("A-1", "Soap", "")], NOW)
        assert products.known_skus(connection, [f"B-{number}" for number in range(50_000)] + ["A-1"]) == {"A-1"}


def test_a_read_that_took_all_products_answers_for_its_fingerprint(database: Database) -> None:
    with database.write() as connection:
        assert ingests.answered(connection, "f1") is None
        first = ingests.start(connection, "f1", NOW, "run-1")
        assert ingests.answered(connection, "f1") is None  # it may yet be killed
        ingests.finish(connection, first, {"lines": 7}, LATER, complete=True)
        assert "2026-03-05 00:00:00" in str(ingests.answered(connection, "f1"))
        assert ingests.answered(connection, "f2") is None
        last = ingests.last_finished(connection)
    assert last == ingests.Finished(first, "f1", LATER, {"lines": 7})


def test_a_read_of_some_products_answers_for_no_fingerprint(database: Database) -> None:
    with database.write() as connection:
        some = ingests.start(connection, "f1", NOW, None)
        ingests.finish(connection, some, {}, LATER, complete=False)
        assert ingests.answered(connection, "f1") is None
        assert ingests.last_finished(connection) is None


def test_a_source_that_cannot_be_read_is_tried_three_times_and_again_when_it_moves(database: Database) -> None:
    with database.write() as connection:
        for attempt in range(3):
            assert ingests.answered(connection, "f1") is None
            ingests.fail(connection, ingests.start(connection, "f1", NOW, None), f"no column price ({attempt})", LATER)
        assert "3 times" in str(ingests.answered(connection, "f1"))
        assert "no column price (2)" in str(ingests.answered(connection, "f1"))
        assert ingests.answered(connection, "f2") is None
        good = ingests.start(connection, "f2", NOW, None)
        ingests.finish(connection, good, {}, LATER, complete=True)
        assert ingests.answered(connection, "f1") is None  # it moved, and moved back: worth another look
        assert [read.error is None for read in ingests.recent(connection, 2)] == [True, False]


def test_old_reads_are_forgotten_but_for_the_last_complete_one(database: Database) -> None:
    with database.write() as connection:
        for fingerprint in ("f1", "f2"):
            ingests.finish(connection, ingests.start(connection, fingerprint, NOW, None), {}, NOW, complete=True)
        assert ingests.prune(connection, LATER) == 1
        assert [read.fingerprint for read in ingests.recent(connection, 9)] == ["f2"]
