"""The oracle of change propagation: what should be recomputed, and why, in plain Python.

Belongs here: the promise, one product and one stage at a time, over contents and counters. It shares no code with pricecast: no
SQL, no hashes, no states; versions are tuples of what they stand for. Not here: comparing with what happened (`machine`).

Words: an attempt is (sku, stage, reason). Every attempt that succeeds is to appear in Dagster as one materialization, every one
that fails as one red partition.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from pricecast_dagster_tests.proofs.world import BROKEN_QUANTITY, MODEL_DAYS, Rows

RAW, FEATURES, MODEL, FORECAST = "raw_history", "feature_table", "price_model", "forecast"
CHAIN = (RAW, FEATURES, MODEL, FORECAST)
Attempt = tuple[str, str, str]
Version = Hashable


@dataclass
class Stage:
    """One stage of one product: what it holds, and the inputs of its last success and of a failure since."""

    holds: Version = None
    built_from: tuple[Version, ...] | None = None
    failed_on: tuple[Version, ...] | None = None

    def why_stale(self, present: tuple[Version, ...]) -> str | None:
        recorded = self.failed_on or self.built_from
        if recorded is None:
            return "new"
        return None if recorded == present else _difference(recorded, present)


def _difference(recorded: tuple[Version, ...], present: tuple[Version, ...]) -> str:
    (made_of, code, asked), (now, code_now, asked_now) = recorded, present
    if asked != asked_now:
        return "retrain request: drift"
    if code != code_now:
        return "code changed"
    if isinstance(now, tuple) and now[0] == "rows and model" and isinstance(made_of, tuple) and made_of[1] == now[1]:
        return "model changed"
    return "data changed"


@dataclass
class Expected:
    """What a step is to bring about."""

    done: Counter[Attempt] = field(default_factory=Counter)
    failed: Counter[Attempt] = field(default_factory=Counter)


@dataclass
class Propagation:
    """Everything pricecast should know, as it should know it.

    Attributes:
        read: whether the source as it is now was read completely.
        active: the products of the last read.
        untold: attempts that a killed run could not tell Dagster of, with whether they succeeded.
        red: what Dagster shows as failed.
    """

    codes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CHAIN, 1))
    requests: dict[str, int] = field(default_factory=dict)
    stages: dict[tuple[str, str], Stage] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    read: bool = False
    untold: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)
    red: set[tuple[str, str]] = field(default_factory=set)
    trainings: int = 0

    def take_in(self, source: Mapping[str, Rows]) -> None:
        """A full read of the source: products come, go and come back; one that is back starts anew."""
        for sku in set(source) - self.active:
            self._forget(sku)
        self.active = set(source)

    def concerned(self, source: Mapping[str, Rows], *, reading: bool) -> list[str]:
        """The products a sensor's run works on, in its order."""
        return [sku for sku in sorted(self.active) if self._is_due(sku, source, reading=reading)]

    def work(
        self, skus: Iterable[str], source: Mapping[str, Rows], stages: Iterable[str], *, reading: bool, asked: bool
    ) -> Expected:
        """Bring products through stages.

        Args:
            asked: a person chose them: everything is computed, up to date or not.
        """
        expected = Expected()
        for sku in skus:
            for stage in (stage for stage in CHAIN if stage in stages and (stage != RAW or reading)):
                self._attempt(sku, stage, source, stages, expected, asked=asked)
        return expected

    def tell(self, expected: Expected, *, planned: Iterable[tuple[str, str]] = (), ended: bool = True) -> None:
        """A run tells Dagster what was attempted; with a failure in it, what Dagster had planned and was not done is red."""
        done = {(sku, stage) for sku, stage, _ in expected.done}
        self.red -= done
        if ended and expected.failed:
            self.red |= {(sku, stage) for sku, stage, _ in expected.failed} | (set(planned) - done)

    def catch_up(self) -> Expected:
        """What killed runs did and did not tell; the next run tells it first."""
        expected = Expected()
        for (sku, stage), (reason, succeeded) in self.untold.items():
            if sku in self.active:
                (expected.done if succeeded else expected.failed)[sku, stage, reason] += 1
        self.untold = {key: value for key, value in self.untold.items() if key[0] not in self.active}
        return expected

    def leave_untold(self, expected: Expected) -> None:
        for attempts, succeeded in ((expected.done, True), (expected.failed, False)):
            self.untold |= {(sku, stage): (reason, succeeded) for sku, stage, reason in attempts}

    def present(self, sku: str, stage: str, source: Mapping[str, Rows]) -> tuple[Version, ...] | None:
        """What a stage would be built from now; None where it cannot be."""
        return self._raw_inputs(sku, source) if stage == RAW else self._inputs(sku, stage)

    def _is_due(self, sku: str, source: Mapping[str, Rows], *, reading: bool) -> bool:
        if reading and self._stage(sku, RAW).why_stale(self._raw_inputs(sku, source)):
            return True
        stale = (self._stage(sku, stage).why_stale(now) for stage in CHAIN[1:] if (now := self._inputs(sku, stage)) is not None)
        return any(stale)

    def _attempt(
        self,
        sku: str,
        name: str,
        source: Mapping[str, Rows],
        stages: Iterable[str],
        expected: Expected,
        *,
        asked: bool,
    ) -> None:
        stage = self._stage(sku, name)
        present = self.present(sku, name, source)
        if present is None:
            if asked and CHAIN[CHAIN.index(name) - 1] not in stages:
                expected.failed[sku, name, "asked for"] += 1  # what is missing above is told, nothing is on record
            return
        reason = stage.why_stale(present) or ("asked for" if asked else None)
        if reason is None:
            return
        if self._succeeds(sku, name, source):
            stage.holds = self._result(sku, name, present)
            stage.built_from, stage.failed_on = present, None
            expected.done[sku, name, reason] += 1
        else:
            stage.failed_on = present
            expected.failed[sku, name, reason] += 1

    def _succeeds(self, sku: str, name: str, source: Mapping[str, Rows]) -> bool:
        if name == RAW:
            return _usable(source.get(sku))
        return name != FEATURES or not _broken(self._stage(sku, RAW).holds)

    def _result(self, sku: str, name: str, present: tuple[Version, ...]) -> Version:
        if name != MODEL:
            return present[:2] if name == FEATURES else present[0]
        days = [day for day, _ in _rows(self._stage(sku, RAW).holds)]
        if days[-1] - days[0] + 1 < MODEL_DAYS:
            return "no model"
        self.trainings += 1
        return f"training {self.trainings}"

    def _raw_inputs(self, sku: str, source: Mapping[str, Rows]) -> tuple[Version, ...]:
        rows = source.get(sku)
        content: Version = "absent"
        if rows is not None:
            # Of rows that are refused only their number and the cause are known.
            taken = tuple(sorted((day, row) for day, row in rows.items() if row[0] > 0))
            content = ("rows", taken) if taken else ("refused", len(rows))
        return content, self.codes[RAW], None

    def _inputs(self, sku: str, name: str) -> tuple[Version, ...] | None:
        rows = self._stage(sku, RAW).holds
        if rows is None:
            return None
        if name == FORECAST:
            return ("rows and model", rows, self._stage(sku, MODEL).holds), self.codes[name], None
        above = self._stage(sku, CHAIN[CHAIN.index(name) - 1])
        if above.holds is None or above.failed_on is not None:
            return None
        return above.holds, self.codes[name], self.requests.get(sku) if name == MODEL else None

    def _stage(self, sku: str, name: str) -> Stage:
        return self.stages.setdefault((sku, name), Stage())

    def _forget(self, sku: str) -> None:
        for name in CHAIN:
            self.stages.pop((sku, name), None)
            self.untold.pop((sku, name), None)


def _usable(rows: Rows | None) -> bool:
    return rows is not None and any(price > 0 for price, _ in rows.values())


def _rows(version: Version) -> tuple[tuple[int, tuple[float, float]], ...]:
    assert isinstance(version, tuple)
    rows: tuple[tuple[int, tuple[float, float]], ...] = version[1]
    return rows


def _broken(version: Version) -> bool:
    return any(quantity == BROKEN_QUANTITY for _, (_, quantity) in _rows(version))
