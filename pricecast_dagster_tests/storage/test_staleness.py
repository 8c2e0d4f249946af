"""What is out of date: the SQL statement against a slow oracle, and the cases a person would name."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricecast_dagster.schemas import STAGES, Stage
from pricecast_dagster.stages.staleness import present_inputs, why_stale
from pricecast_dagster.storage import products, requests, states
from pricecast_dagster.storage.database import Database, insert_or_update, open_database
from pricecast_dagster.storage.requests import RequestStatus
from pricecast_dagster.storage.staleness import OutOfDate
from pricecast_dagster.storage.state_records import Inputs, StageState
from pricecast_dagster.storage.tables import retrain_request, stage_state
from pricecast_dagster_tests.databases import KINDS, empty, new_database_url
from pricecast_dagster_tests.oracles.staleness import Request, first_out_of_date

NOW = datetime(2026, 3, 4, tzinfo=UTC)
CODES = dict.fromkeys(STAGES, "1")


class Drawn(NamedTuple):
    """One product as Hypothesis draws it; requests as (reason, status)."""

    states: dict[Stage, StageState]
    requests: list[tuple[str, RequestStatus]]
    hold: str | None
    active: bool


versions = st.sampled_from(["a", "b"])
codes = st.sampled_from(["1", "1", "1", "2", "1.BR", "1.PT", "11.BR"])
shared_codes = st.sampled_from(["1", "1", "1@p", "1@q", "11", "2", "2@p", "1.60", "1.60@p", "1.90", "11.60", "1.60.ridge@p"])
request_ids = st.sampled_from([None, None, 0, 1])  # the first or second of the SKU; real numbers once it has a place


def inputs_of(stage: Stage) -> st.SearchStrategy[Inputs]:
    upstream = st.sampled_from(["a/a", "a/b", "b/a", "a/none", "b/none"]) if stage is Stage.FORECAST else versions
    if stage is Stage.PRICE_MODEL:
        return st.builds(Inputs, upstream, shared_codes, request_ids)
    return st.builds(Inputs, upstream, codes, st.none())


@st.composite
def state_of(draw: st.DrawFn, stage: Stage) -> StageState:
    kind = draw(st.sampled_from(["success"] * 4 + ["failed first", "failed later", "withdrawn"]))
    return StageState(
        "",
        stage,
        data_version=draw(versions) if kind in ("success", "failed later") else None,
        inputs=None if kind == "failed first" else draw(inputs_of(stage)),
        failed_inputs=draw(inputs_of(stage)) if kind.startswith("failed") else None,
        error="broken" if kind.startswith("failed") else None,
    )


def _at_most_one_waits(requests: list[tuple[str, RequestStatus]]) -> bool:
    return [status for _, status in requests].count(RequestStatus.WAITING) < 2


@st.composite
def product(draw: st.DrawFn) -> Drawn:
    there = [stage for stage in STAGES if draw(st.integers(0, 9)) > 0]
    wishes = st.tuples(st.sampled_from(["drift", "age", "by hand"]), st.sampled_from(list(RequestStatus)))
    return Drawn(
        {stage: draw(state_of(stage)) for stage in there},
        draw(st.lists(wishes, max_size=2, unique_by=lambda wish: wish[0]).filter(_at_most_one_waits)),
        draw(st.sampled_from([None, None, "deleted"])),
        draw(st.sampled_from([True, True, True, False])),
    )


@pytest.fixture(scope="module", params=KINDS)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for all examples; each empties it."""
    folder: Path = tmp_path_factory.mktemp("staleness")
    database = open_database(new_database_url(request.param, folder))
    yield database
    database.close()


@settings(max_examples=40)  # of many products each: one statement judges them all
@given(drawn=st.lists(product(), min_size=20, max_size=40), code=st.sampled_from(["1", "1@p", "1.60", "1.60@p"]))
def test_the_statement_finds_what_the_oracle_finds(shared: Database, drawn: list[Drawn], code: str) -> None:
    empty(shared)
    in_force = {**CODES, Stage.PRICE_MODEL: code, Stage.FORECAST: "1.BR"}
    portfolio = {f"SKU-{index:02d}": _numbered(one, 10 * index + 10) for index, one in enumerate(drawn)}
    newest = _store(shared, portfolio)
    with shared.read() as connection:
        found = states.out_of_date(connection, in_force, None)
        first = states.out_of_date(connection, in_force, 2)
    expected = []
    for sku, one in portfolio.items():
        of_sku = {(sku, stage): state for stage, state in one.states.items()}
        answer = first_out_of_date(sku, of_sku, in_force, newest.get(sku), one.hold)
        if one.active and answer is not None:
            expected.append(OutOfDate(sku, *answer))
    assert found == expected
    assert first == expected[:2]


@given(drawn=st.lists(product(), min_size=4, max_size=10), code=st.sampled_from(["1", "1@p", "1.60", "1.60@p"]))
def test_the_rule_of_a_chunk_in_memory_is_the_same_rule(drawn: list[Drawn], code: str) -> None:
    in_force = {**CODES, Stage.PRICE_MODEL: code, Stage.FORECAST: "1.BR"}
    for one in drawn:
        of_sku = {("A-17", stage): state for stage, state in one.states.items()}
        request = Request(2, "drift")
        assert _rule_in_memory(of_sku, in_force, request) == first_out_of_date("A-17", of_sku, in_force, request, hold=None)


def _rule_in_memory(
    of_sku: Mapping[tuple[str, Stage], StageState], in_force: Mapping[Stage, str], request: Request
) -> tuple[Stage, str] | None:
    for stage in STAGES[1:]:
        present = present_inputs("A-17", stage, of_sku, in_force, request.id)
        why = why_stale(of_sku.get(("A-17", stage)), present) if present else None
        if why:
            return stage, f"{why}: {request.reason}" if why == "retrain request" else why
    return None


def _store(database: Database, portfolio: Mapping[str, Drawn]) -> dict[str, Request]:
    """Write it as it is, past the checks of `record_success`; returns the newest request of each SKU that was let through."""
    newest = {}
    with database.write() as connection:
        products.upsert(connection, [(sku, sku, "") for sku in portfolio], NOW)
        products.remove(connection, [sku for sku, one in portfolio.items() if not one.active], NOW)
        insert_or_update(
            connection, stage_state, [_row(sku, state) for sku, one in portfolio.items() for state in one.states.values()]
        )
        for index, (sku, one) in enumerate(portfolio.items()):
            if one.hold is not None:
                products.hold(connection, sku, one.hold)
            for number, (reason, status) in enumerate(one.requests, start=10 * index + 10):
                row = {"id": number, "sku": sku, "reason": reason, "status": status.value}
                connection.execute(retrain_request.insert().values(**row, evidence={}, optimize=True, created_at=NOW))
                if status in (RequestStatus.OPEN, RequestStatus.ANSWERED):
                    newest[sku] = Request(number, reason)
    return newest


def _numbered(one: Drawn, first: int) -> Drawn:
    def numbered(inputs: Inputs | None) -> Inputs | None:
        if inputs is None or inputs.request_id is None:
            return inputs
        return replace(inputs, request_id=first + inputs.request_id)

    moved = {
        stage: replace(state, inputs=numbered(state.inputs), failed_inputs=numbered(state.failed_inputs))
        for stage, state in one.states.items()
    }
    return one._replace(states=moved)


def _row(sku: str, state: StageState) -> dict[str, object]:
    inputs, failed = state.inputs, state.failed_inputs
    return {
        "sku": sku,
        "stage": state.stage.value,
        "data_version": state.data_version,
        "upstream_version": inputs.upstream_version if inputs else None,
        "code_version": inputs.code_version if inputs else None,
        "request_id": inputs.request_id if inputs else None,
        "failed_upstream_version": failed.upstream_version if failed else None,
        "failed_code_version": failed.code_version if failed else None,
        "failed_request_id": failed.request_id if failed else None,
        "error": state.error,
        "reason": "",
        "seconds": 0.0,
        "updated_at": NOW,
        "metadata": {},
    }


def fresh_states(sku: str, now: datetime = NOW) -> list[StageState]:
    """All four stages of a SKU, up to date with each other."""
    inputs = (Inputs("h1", "1"), Inputs("h1", "1"), Inputs("f1", "1"), Inputs("h1/m1", "1"))
    return [
        StageState(
            sku, stage, version, made_from, reason="new", updated_at=now, ingest_id=1 if stage is Stage.RAW_HISTORY else None
        )
        for stage, version, made_from in zip(STAGES, ("h1", "f1", "m1", "c1"), inputs, strict=True)
    ]


@pytest.fixture
def fresh(database: Database) -> Database:
    """A database of three products, of which nothing is out of date."""
    skus = ["A-1", "A-2", "A-3"]
    with database.write() as connection:
        products.upsert(connection, [(sku, sku, "") for sku in skus], NOW)
        states.record_success(connection, [state for sku in skus for state in fresh_states(sku)])
    return database


def stale(database: Database, codes: Mapping[Stage, str] = CODES) -> list[tuple[str, str, str]]:
    with database.read() as connection:
        return [(item.sku, item.stage.value, item.reason) for item in states.out_of_date(connection, codes, None)]


def test_nothing_is_out_of_date_where_nothing_changed(fresh: Database) -> None:
    assert stale(fresh) == []


def test_new_rows_make_the_features_of_that_product_out_of_date_and_no_other(fresh: Database) -> None:
    with fresh.write() as connection:
        rows = [StageState("A-2", Stage.RAW_HISTORY, "h2", Inputs("h2", "1"), updated_at=NOW, ingest_id=2)]
        assert states.record_success(connection, rows) == []
    assert stale(fresh) == [("A-2", "feature_table", "data changed")]


def test_a_retrain_request_makes_the_model_out_of_date_until_it_is_answered(fresh: Database) -> None:
    with fresh.write() as connection:
        request = requests.create(connection, "A-2", "drift", NOW)
    assert stale(fresh) == [("A-2", "price_model", "retrain request: drift")]
    with fresh.write() as connection:
        trained = StageState("A-2", Stage.PRICE_MODEL, "m2", Inputs("f1", "1", request.id), updated_at=NOW)
        states.record_success(connection, [trained])
        requests.answer(connection, [("A-2", request.id, "m2")], NOW)
    assert stale(fresh) == [("A-2", "forecast", "model changed")]


def test_a_new_code_version_makes_its_stage_out_of_date_for_everybody(fresh: Database) -> None:
    found = stale(fresh, {**CODES, Stage.PRICE_MODEL: "2"})
    assert found == [(sku, "price_model", "code changed") for sku in ("A-1", "A-2", "A-3")]


def test_what_failed_is_not_tried_again_on_the_same_inputs_and_its_forecast_is(fresh: Database) -> None:
    with fresh.write() as connection:
        features = StageState("A-2", Stage.FEATURE_TABLE, "f2", Inputs("h2", "1"), updated_at=NOW)
        history = StageState("A-2", Stage.RAW_HISTORY, "h2", Inputs("h2", "1"), updated_at=NOW, ingest_id=2)
        states.record_success(connection, [history, features])
        model = StageState("A-2", Stage.PRICE_MODEL, failed_inputs=Inputs("f2", "1"), error="singular", updated_at=NOW)
        states.record_failure(connection, [model])
    assert stale(fresh) == [("A-2", "forecast", "data changed")]
    assert ("A-2", "price_model", "code changed") in stale(fresh, {**CODES, Stage.PRICE_MODEL: "2"})


def test_a_deleted_model_is_not_trained_again_by_new_data_but_by_a_request(fresh: Database) -> None:
    with fresh.write() as connection:
        products.hold(connection, "A-2", "deleted by hand")
        states.set_version(connection, "A-2", Stage.PRICE_MODEL, None, "deleted by hand", NOW)
    assert stale(fresh) == [("A-2", "forecast", "model changed")]
    with fresh.write() as connection:
        forecast = StageState("A-2", Stage.FORECAST, "c2", Inputs("h1/none", "1"), updated_at=NOW)
        assert states.record_success(connection, [forecast]) == []
    assert stale(fresh, {**CODES, Stage.PRICE_MODEL: "2"}) == [(sku, "price_model", "code changed") for sku in ("A-1", "A-3")]
    with fresh.write() as connection:
        requests.create(connection, "A-2", "by hand", NOW)
    assert stale(fresh) == [("A-2", "price_model", "retrain request: by hand")]


def test_a_deleted_model_of_which_nothing_is_recorded_waits_for_the_hold_to_be_lifted(fresh: Database) -> None:
    with fresh.write() as connection:
        requests.create(connection, "A-2", "drift", NOW)
        products.hold(connection, "A-2", "deleted by hand")
        connection.execute(stage_state.delete().where(stage_state.c.sku == "A-2", stage_state.c.stage == "price_model"))
    assert stale(fresh) == [("A-2", "forecast", "model changed")]
    with fresh.write() as connection:
        products.lift_holds(connection, ["A-2"])
    assert stale(fresh) == [("A-2", "price_model", "new")]


def test_a_product_that_left_the_source_is_left_alone(fresh: Database) -> None:
    with fresh.write() as connection:
        products.remove(connection, ["A-2"], NOW)
    assert stale(fresh, {**CODES, Stage.FORECAST: "2"}) == [(sku, "forecast", "code changed") for sku in ("A-1", "A-3")]
