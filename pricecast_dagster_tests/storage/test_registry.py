"""The registry: versions, the one champion, and the way back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy.exc import IntegrityError

from pricecast_dagster.errors import SupersededError, UnknownVersionError
from pricecast_dagster.storage import products, registry, retention
from pricecast_dagster.storage.database import Database
from pricecast_dagster.storage.registry import ModelVersion
from pricecast_dagster.storage.tables import modelos_predicao
from pricecast_dagster_tests.databases import empty

NOW = datetime(2025, 10, 16, 19, 30, tzinfo=UTC)


def model(version: str, sku: str = "A-1", *, champion: bool = False, since: datetime = NOW) -> ModelVersion:
    return ModelVersion(
        sku=sku,
        version=version,
        model_type="LightGBM",
        recipe={"learning_rate": 0.05, "members": ["A", "B"]},
        metrics={"rmse": 0.1 + 0.2, "mape": None},
        facts={"weights": [0.25, 0.75], "window": ["2024-01-01", "2025-10-15"]},
        reason="data changed",
        decision="the champion's recipe on new data",
        fingerprint="f00d",
        feature_version="f1",
        history_version="h1",
        trained_at=NOW,
        training_samples=335,
        validation_samples=30,
        features_count=45,
        artifact=f"models/00/{sku}/{version}",
        sha256="0" * 64,
        champion=champion,
        champion_since=since if champion else None,
    )


@pytest.fixture
def stocked(database: Database) -> Database:
    with database.write() as connection:
        products.upsert(connection, [(sku, sku, "") for sku in ("A-1", "A-2", "B_1")], NOW)
    return database


def test_a_version_comes_back_as_it_was_added(stocked: Database) -> None:
    with stocked.write() as connection:
        registry.add(connection, [model("20251016T193000Z", champion=True)])
    with stocked.read() as connection:
        assert registry.get(connection, "A-1") == model("20251016T193000Z", champion=True)


def test_a_new_champion_takes_the_place_of_the_old_one(stocked: Database) -> None:
    with stocked.write() as connection:
        registry.add(connection, [model("1", champion=True), model("1", "A-2", champion=True)])
        registry.add(connection, [model("2", champion=True), model("3")])
        assert {sku: one.version for sku, one in registry.champions(connection, ["A-1", "A-2", "B_1"]).items()} == {
            "A-1": "2",
            "A-2": "1",
        }
        assert [(one.version, one.champion) for one in registry.versions(connection, "A-1")] == [
            ("3", False),
            ("2", True),
            ("1", False),
        ]


def test_the_database_itself_refuses_a_second_champion(stocked: Database) -> None:
    with stocked.write() as connection:
        registry.add(connection, [model("1", champion=True), model("2")])
    with pytest.raises(IntegrityError), stocked.write() as connection:
        connection.execute(modelos_predicao.update().values(champion=True))


def test_a_version_name_is_utc_time() -> None:
    assert registry.version_name(NOW.astimezone(timezone(timedelta(hours=-3)))) == "20251016T193000Z"


def test_a_version_that_is_there_already_is_refused_and_the_champion_stays(stocked: Database) -> None:
    with stocked.write() as connection:
        registry.add(connection, [model("1", champion=True)])
        with pytest.raises(SupersededError, match="'A-1' has a model version 1 already"):
            registry.add(connection, [model("1", champion=True)])
        assert registry.get(connection, "A-1").version == "1"


def test_rolling_back_goes_to_the_champion_before_and_once_more_back_again(stocked: Database) -> None:
    with stocked.write() as connection:
        for day, version in enumerate(("1", "2", "3")):
            registry.add(connection, [model(version, champion=True, since=NOW + timedelta(days=day))])
        registry.add(connection, [model("9")])  # a challenger that lost was never champion
        moment = NOW + timedelta(days=9)
        assert registry.rollback(connection, "A-1", moment).version == "2"
        now_champion = registry.get(connection, "A-1")
        assert (now_champion.version, now_champion.champion_since) == ("2", moment)
        assert now_champion.decision == f"rolled back to by hand; before: {model('2').decision}"
        assert registry.rollback(connection, "A-1", moment + timedelta(days=1)).version == "3"
        assert registry.rollback(connection, "A-1", moment + timedelta(days=2), to="1").version == "1"


def test_without_an_earlier_champion_there_is_no_way_back(stocked: Database) -> None:
    with stocked.write() as connection:
        registry.add(connection, [model("1", champion=True), model("2")])
        with pytest.raises(UnknownVersionError, match=r"no earlier champion.*models show A-1"):
            registry.rollback(connection, "A-1", NOW)
        with pytest.raises(UnknownVersionError, match="no model version 7"):
            registry.rollback(connection, "A-1", NOW, to="7")
        assert registry.get(connection, "A-1").version == "1"


def test_a_deleted_model_leaves_its_rows_and_cannot_be_promoted(stocked: Database) -> None:
    with stocked.write() as connection:
        registry.add(connection, [model("1", champion=True), model("2")])
        assert [one.version for one in retention.delete(connection, "A-1", NOW)] == ["2", "1"]
        assert registry.champions(connection, ["A-1"]) == {}
        assert [one.deleted_at for one in registry.versions(connection, "A-1")] == [NOW, NOW]
        with pytest.raises(UnknownVersionError, match="was deleted at 2025-10-16 19:30 UTC"):
            registry.promote(connection, "A-1", "1", NOW)
        with pytest.raises(UnknownVersionError, match="has no model"):
            retention.delete(connection, "A-1", NOW)


def test_pruning_keeps_the_champion_and_the_newest_others(stocked: Database) -> None:
    with stocked.write() as connection:
        registry.add(connection, [model(str(number)) for number in range(1, 8)] + [model("0", champion=True), model("1", "A-2")])
        given_up = retention.prune(connection, ["A-1", "A-2"], keep=2, now=NOW)
        assert sorted(one.version for one in given_up) == ["1", "2", "3", "4", "5"]
        kept = [one.version for one in registry.versions(connection, "A-1") if one.deleted_at is None]
        assert kept == ["7", "6", "0"]
        assert retention.prune(connection, ["A-1", "A-2"], keep=2, now=NOW) == []


def test_champions_are_listed_by_sku_in_pages_and_by_prefix(stocked: Database) -> None:
    with stocked.write() as connection:
        registry.add(connection, [model("1", sku, champion=True) for sku in ("B_1", "A-2", "A-1")])
        assert [one.sku for one in registry.listed(connection, limit=2)] == ["A-1", "A-2"]
        assert [one.sku for one in registry.listed(connection, limit=2, offset=2)] == ["B_1"]
        assert [one.sku for one in registry.listed(connection, prefix="A-")] == ["A-1", "A-2"]
        assert registry.count(connection, "_") == 0  # no wildcard
        assert registry.count(connection) == 3


class Registry(RuleBasedStateMachine):
    """Whatever happens in whatever order, a SKU has one champion or none, and the rows say the same as a plain model of them."""

    database: Database

    @initialize()
    def begin(self) -> None:
        empty(self.database)
        with self.database.write() as connection:
            products.upsert(connection, [("A-1", "Soap", "")], NOW)
        self.alive: list[str] = []
        self.champion: str | None = None
        self.count = 0

    @rule(champion=st.booleans())
    def add(self, champion: bool) -> None:
        self.count += 1
        version = f"{self.count:04d}"
        with self.database.write() as connection:
            registry.add(connection, [model(version, champion=champion, since=self._now())])
        self.alive.append(version)
        self.champion = version if champion else self.champion

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def promote(self, data: st.DataObject) -> None:
        version = data.draw(st.sampled_from(self.alive))
        with self.database.write() as connection:
            registry.promote(connection, "A-1", version, self._now())
        self.champion = version

    @rule(keep=st.integers(0, 2))
    def prune(self, keep: int) -> None:
        with self.database.write() as connection:
            retention.prune(connection, ["A-1"], keep, self._now())
        others = [version for version in self.alive if version != self.champion]
        stay = set(others[len(others) - keep :]) | {self.champion}
        self.alive = [version for version in self.alive if version in stay]

    @precondition(lambda self: self.alive)
    @rule()
    def delete(self) -> None:
        with self.database.write() as connection:
            retention.delete(connection, "A-1", self._now())
        self.alive, self.champion = [], None

    @invariant()
    def the_registry_says_so(self) -> None:
        with self.database.read() as connection:
            rows = registry.versions(connection, "A-1")
        assert [row.version for row in reversed(rows) if row.deleted_at is None] == self.alive
        assert [row.version for row in rows if row.champion] == ([] if self.champion is None else [self.champion])

    def _now(self) -> datetime:
        return NOW + timedelta(minutes=self.count)


def test_whatever_happens_there_is_one_champion_or_none(database: Database) -> None:
    from hypothesis import settings
    from hypothesis.stateful import run_state_machine_as_test

    machine = type("Machine", (Registry,), {"database": database})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=12, stateful_step_count=12, deadline=None, derandomize=True)
    )


def test_the_decision_of_a_promotion_can_be_given(stocked: Database) -> None:
    with stocked.write() as connection:
        registry.add(connection, [model("1")])
        promoted = registry.promote(connection, "A-1", "1", NOW, "better on the same days")
        assert promoted == replace(model("1", champion=True), decision="better on the same days")
        assert registry.get(connection, "A-1") == promoted
