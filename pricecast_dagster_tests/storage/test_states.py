"""States: what is recorded, what is refused because it came second, and what Dagster was told."""

from dataclasses import replace
from datetime import UTC, datetime
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricecast_dagster.schemas import STAGES, Stage
from pricecast_dagster.storage import announcements, products, states
from pricecast_dagster.storage.database import Database
from pricecast_dagster.storage.json_text import to_json
from pricecast_dagster.storage.state_records import UNTOLD_FAILURE, Inputs, StageState

NOW = datetime(2026, 3, 4, tzinfo=UTC)
LATER = datetime(2026, 3, 5, tzinfo=UTC)


def history(version: str, ingest_id: int, sku: str = "A-1") -> StageState:
    made_from = Inputs(version, "1")
    return StageState(sku, Stage.RAW_HISTORY, version, made_from, reason="data changed", updated_at=NOW, ingest_id=ingest_id)


def features(version: str, of: str, sku: str = "A-1") -> StageState:
    return StageState(sku, Stage.FEATURE_TABLE, version, Inputs(of, "1"), reason="data changed", updated_at=NOW)


@pytest.fixture
def stocked(database: Database) -> Database:
    with database.write() as connection:
        products.upsert(connection, [(sku, sku, "") for sku in ("A-1", "A-2")], NOW)
    return database


def one(database: Database, stage: Stage, sku: str = "A-1") -> StageState:
    with database.read() as connection:
        return states.read_states(connection, [sku], [stage])[sku, stage]


def test_what_is_recorded_comes_back(stocked: Database) -> None:
    recorded = StageState(
        "A-1",
        Stage.RAW_HISTORY,
        "h1",
        Inputs("h1", "1"),
        reason="new",
        run_id="run-7",
        seconds=1.25,
        updated_at=NOW,
        ingest_id=3,
        metadata={"rows": 365, "names": ["ß", "商品"], "checks": {"history_schema": True}, "nothing": None},
    )
    with stocked.write() as connection:
        assert states.record_success(connection, [recorded]) == []
    assert one(stocked, Stage.RAW_HISTORY) == recorded


def test_a_success_clears_the_failure_before_it(stocked: Database) -> None:
    failed = StageState("A-1", Stage.RAW_HISTORY, failed_inputs=Inputs("bad", "1"), error="no rows", updated_at=NOW, ingest_id=1)
    with stocked.write() as connection:
        states.record_failure(connection, [failed])
        states.record_success(connection, [history("h1", 2)])
    assert one(stocked, Stage.RAW_HISTORY) == history("h1", 2)


def test_a_failure_keeps_what_the_stage_holds(stocked: Database) -> None:
    good = replace(history("h1", 1), metadata={"rows": 3}, seconds=2.0)
    bad = StageState(
        "A-1",
        Stage.RAW_HISTORY,
        failed_inputs=Inputs("bad", "1"),
        error="no rows",
        reason="data changed",
        updated_at=LATER,
        ingest_id=2,
    )
    with stocked.write() as connection:
        states.record_success(connection, [good])
        assert states.record_failure(connection, [bad]) == []
        told = states.failed(connection)
    expected = replace(
        good,
        failed_inputs=bad.failed_inputs,
        error="no rows",
        updated_at=LATER,
        ingest_id=2,
        announced_version=UNTOLD_FAILURE,
    )
    assert one(stocked, Stage.RAW_HISTORY) == expected
    assert told == [expected]


def test_features_of_rows_that_were_corrected_meanwhile_are_refused(stocked: Database) -> None:
    with stocked.write() as connection:
        states.record_success(connection, [history("h1", 1), history("h1", 1, "A-2")])
        states.record_success(connection, [history("h2", 2)])
    with stocked.write() as connection:
        refused = states.record_success(connection, [features("f1", "h1"), features("f1", "h1", "A-2")])
    assert refused == [("A-1", Stage.FEATURE_TABLE)]
    with stocked.read() as connection:
        assert ("A-1", Stage.FEATURE_TABLE) not in states.read_states(connection)
        assert ("A-2", Stage.FEATURE_TABLE) in states.read_states(connection)


def test_a_failure_on_rows_that_were_corrected_meanwhile_is_refused(stocked: Database) -> None:
    with stocked.write() as connection:
        states.record_success(connection, [history("h2", 2)])
        failed = StageState("A-1", Stage.FEATURE_TABLE, failed_inputs=Inputs("h1", "1"), error="broken", updated_at=NOW)
        assert states.record_failure(connection, [failed]) == [("A-1", Stage.FEATURE_TABLE)]


def test_a_whole_chain_is_taken_in_one_go_in_any_order(stocked: Database) -> None:
    chain = [
        StageState("A-1", Stage.FORECAST, "c1", Inputs("h1/m1", "1"), updated_at=NOW),
        StageState("A-1", Stage.PRICE_MODEL, "m1", Inputs("f1", "1", None), updated_at=NOW),
        features("f1", "h1"),
        history("h1", 1),
    ]
    with stocked.write() as connection:
        assert states.record_success(connection, chain) == []


def test_where_the_first_of_a_chain_is_refused_all_of_it_is(stocked: Database) -> None:
    with stocked.write() as connection:
        states.record_success(connection, [history("h9", 9)])
        chain = [
            history("h1", 1),
            features("f1", "h1"),
            StageState("A-1", Stage.PRICE_MODEL, "m1", Inputs("f1", "1"), updated_at=NOW),
            StageState("A-1", Stage.FORECAST, "c1", Inputs("h1/m1", "1"), updated_at=NOW),
        ]
        assert states.record_success(connection, chain) == [("A-1", stage) for stage in STAGES]
    assert one(stocked, Stage.RAW_HISTORY).data_version == "h9"


def test_an_older_read_of_the_source_that_is_slower_does_not_undo_a_newer_one(stocked: Database) -> None:
    with stocked.write() as connection:
        states.record_success(connection, [history("new", 6)])
        assert states.record_success(connection, [history("old", 5)]) == [("A-1", Stage.RAW_HISTORY)]
    assert one(stocked, Stage.RAW_HISTORY).data_version == "new"


def test_nor_does_it_where_the_newer_read_found_the_rows_unchanged(stocked: Database) -> None:
    with stocked.write() as connection:
        states.record_success(connection, [history("same", 1), history("same", 1, "A-2")])
        assert states.confirm_histories(connection, {"A-1": "same", "A-2": "other"}, 6) == {"A-2"}
        assert states.record_success(connection, [history("old", 5), history("old", 5, "A-2")]) == [("A-1", Stage.RAW_HISTORY)]
    assert one(stocked, Stage.RAW_HISTORY) == replace(history("same", 1), ingest_id=6)


def test_a_forecast_from_a_model_that_was_replaced_meanwhile_is_refused(stocked: Database) -> None:
    with stocked.write() as connection:
        states.record_success(connection, [history("h1", 1), features("f1", "h1")])
        states.record_success(connection, [StageState("A-1", Stage.PRICE_MODEL, "m2", Inputs("f1", "1"), updated_at=NOW)])
        late = StageState("A-1", Stage.FORECAST, "c1", Inputs("h1/m1", "1"), updated_at=NOW)
        by_fallback = replace(late, inputs=Inputs("h1/none", "1"))
        assert states.record_success(connection, [late]) == [("A-1", Stage.FORECAST)]
        assert states.record_success(connection, [by_fallback]) == [("A-1", Stage.FORECAST)]


def test_two_writers_of_one_product_wait_for_each_other(stocked: Database) -> None:
    with stocked.write() as connection:
        states.record_success(connection, [history("h1", 1)])
    refused: list[object] = []

    def second() -> None:
        with stocked.write() as connection:
            refused.extend(states.record_success(connection, [features("f1", "h1")]))

    with stocked.write() as connection:
        states.record_success(connection, [history("h2", 2)])
        thread = Thread(target=second)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()  # it waits for what we are about to say
    thread.join()
    assert refused == [("A-1", Stage.FEATURE_TABLE)]


def test_a_state_without_inputs_cannot_be_recorded(stocked: Database) -> None:
    with pytest.raises(ValueError, match="'A-1' in raw_history without inputs"), stocked.write() as connection:
        states.record_success(connection, [StageState("A-1", Stage.RAW_HISTORY, "h1", updated_at=NOW)])


def test_dagster_is_told_of_everything_once(stocked: Database) -> None:
    with stocked.write() as connection:
        states.record_success(connection, [features("f1", "h1"), history("h1", 1), history("h1", 1, "A-2")])
        waiting = announcements.unannounced(connection)
        assert [(state.sku, state.stage) for state in waiting] == [
            ("A-1", Stage.RAW_HISTORY),
            ("A-1", Stage.FEATURE_TABLE),
            ("A-2", Stage.RAW_HISTORY),
        ]
        assert len(announcements.unannounced(connection, 1)) == 1
        announcements.announce(connection, [(state.sku, state.stage, state.data_version) for state in waiting])
        assert announcements.unannounced(connection) == []
    assert one(stocked, Stage.RAW_HISTORY).announced_version == "h1"


def test_what_moved_on_while_dagster_was_told_is_told_again(stocked: Database) -> None:
    with stocked.write() as connection:
        states.record_success(connection, [history("h2", 2)])
        announcements.announce(connection, [("A-1", Stage.RAW_HISTORY, "h1")])
        assert [state.data_version for state in announcements.unannounced(connection)] == ["h2"]


def test_dagster_is_told_of_a_failure_and_of_its_repair_though_the_version_is_the_old_one(stocked: Database) -> None:
    key = ("A-1", Stage.RAW_HISTORY)
    bad = StageState(*key, failed_inputs=Inputs("bad", "1"), error="no rows", updated_at=LATER, ingest_id=2)
    with stocked.write() as connection:
        states.record_success(connection, [history("h1", 1)])
        announcements.announce(connection, [(*key, "h1")])
        states.record_failure(connection, [bad])
        assert [state.error for state in announcements.unannounced(connection)] == ["no rows"]
        announcements.announce_failures(connection, [key])
        assert announcements.unannounced(connection) == []
        states.record_success(connection, [history("h1", 3)])
        announcements.announce_failures(connection, [key])  # it came late
        assert [(state.data_version, state.error) for state in announcements.unannounced(connection)] == [("h1", None)]


def test_a_failure_of_a_product_that_never_had_rows_is_told_too(stocked: Database) -> None:
    bad = StageState("A-1", Stage.RAW_HISTORY, failed_inputs=Inputs("bad", "1"), error="no rows", updated_at=LATER, ingest_id=2)
    with stocked.write() as connection:
        states.record_failure(connection, [bad])
        assert [state.sku for state in announcements.unannounced(connection)] == ["A-1"]


def test_a_withdrawn_model_and_a_removed_product_are_not_told(stocked: Database) -> None:
    with stocked.write() as connection:
        states.record_success(connection, [history("h1", 1), history("h1", 1, "A-2")])
        states.set_version(connection, "A-1", Stage.RAW_HISTORY, None, "by hand", LATER)
        products.remove(connection, ["A-2"], NOW)
        assert announcements.unannounced(connection) == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda part: st.lists(part, max_size=3), max_leaves=8
    )
)
def test_any_facts_become_json_that_both_databases_take(value: object) -> None:
    text = to_json({"value": value})
    assert "NaN" not in text.replace('"NaN"', "")
    assert "Infinity" not in text.replace('"Infinity"', "")
