"""The machine: histories of a retailer, played to pricecast on a real Dagster instance and to the oracle, compared at every step.

Belongs here: what can happen, and the comparison. Not here: what should follow (`propagation`). Both sensors, the job, the op,
the events and the database are the real ones, in this process; the settings are cheap (short histories, no tuning).
"""

import copy
import tempfile
from collections import Counter
from pathlib import Path
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from pricecast_dagster.orchestration.partitions import PARTITIONS_NAME
from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages.versions import CODE_VERSIONS
from pricecast_dagster.storage import requests
from pricecast_dagster.storage.keys import decode_key, encode_key
from pricecast_dagster_tests.databases import new_database_url
from pricecast_dagster_tests.proofs.desk import ProofDesk, open_desk
from pricecast_dagster_tests.proofs.killing import POINTS, killed
from pricecast_dagster_tests.proofs.propagation import CHAIN, RAW, Attempt, Expected, Propagation
from pricecast_dagster_tests.proofs.world import BROKEN_QUANTITY, LONG_DAYS, SHORT_DAYS, Rows, World

CHUNK = 2
DAYS = {"A-1": LONG_DAYS, "x,y": LONG_DAYS, "a/b": SHORT_DAYS, "...": SHORT_DAYS, "Käse 5": SHORT_DAYS, "007": SHORT_DAYS}
PICK = st.integers(0, 5)
# A source in one form is given up after three runs that did not end; that has a test of its own.
KILLS_IN_A_ROW = 2


class Histories(RuleBasedStateMachine):
    """One history; `tally` counts over all of them what happened and what was recomputed."""

    tally: ClassVar[Counter[str]] = Counter()
    database: ClassVar[str] = "sqlite"

    @initialize(seed=st.integers(0, 5))
    def open(self, seed: int) -> None:
        self.tally["histories"] += 1
        self.temporary = tempfile.TemporaryDirectory(prefix="history-")
        folder = Path(self.temporary.name)
        (folder / "source").mkdir()
        self.codes_before = dict(CODE_VERSIONS)
        self.desk: ProofDesk = open_desk(folder, new_database_url(self.database, folder / "database"), chunk_size=CHUNK)
        self.world = World(folder / "source")
        for sku in ("A-1", "a/b", "...", "Käse 5"):
            self.world.add(sku, DAYS[sku], seed)
        self.gone: dict[str, Rows] = {}
        self.earlier: dict[str, list[Rows]] = {}
        self.kills = 0
        self.oracle = Propagation()
        self.world.write(seed)
        self.settle()

    def teardown(self) -> None:
        if not hasattr(self, "desk"):
            return
        CODE_VERSIONS.update(self.codes_before)  # type: ignore[attr-defined]
        self.desk.close()
        self.temporary.cleanup()

    # What a retailer does.

    @rule(picks=st.sets(PICK, min_size=1, max_size=4), percent=st.integers(85, 118))
    def change(self, picks: set[int], percent: int) -> None:
        for sku in {self._present(pick) for pick in picks}:
            self._remember(sku)
            self.world.append_day(sku, percent / 100)
        self._written("change")

    @rule(pick=PICK, day=st.integers(0, 30), cents=st.integers(1, 300))
    def correct(self, pick: int, day: int, cents: int) -> None:
        sku = self._present(pick)
        self._remember(sku)
        self.world.correct_day(sku, day, cents)
        self._written("correct")

    @rule(shuffle=st.integers(0, 100))
    def rewrite(self, shuffle: int) -> None:
        self._written("rewrite", shuffle)

    @precondition(lambda self: len(self.world.products) < len(DAYS))
    @rule(pick=PICK, same=st.booleans())
    def add(self, pick: int, same: bool) -> None:
        absent = sorted(set(DAYS) - set(self.world.products))
        sku = absent[pick % len(absent)]
        if same and sku in self.gone:
            self.world.products[sku] = self.gone[sku]
        else:
            self.world.add(sku, DAYS[sku], len(self.gone))
        self._written("add")

    @precondition(lambda self: len(self.world.products) > 2)
    @rule(pick=PICK)
    def remove(self, pick: int) -> None:
        sku = self._present(pick)
        self.gone[sku] = self.world.products.pop(sku)
        self._written("remove")

    @rule(pick=PICK, how=st.sampled_from(["features", "rows"]))
    def fail(self, pick: int, how: str) -> None:
        sku = self._present(pick)
        self._remember(sku)
        rows = self.world.products[sku]
        if how == "features":
            last = max(rows)
            rows[last] = (rows[last][0], BROKEN_QUANTITY)
        else:
            self.world.products[sku] = {day: (0.0, quantity) for day, (_, quantity) in rows.items()}
        self._written("fail")

    @precondition(lambda self: self._with_a_past())
    @rule(pick=PICK, back=st.integers(1, 2))
    def repair(self, pick: int, back: int) -> None:
        """What a product was before: after a failure a repair, otherwise a change that is taken back."""
        skus = self._with_a_past()
        sku = skus[pick % len(skus)]
        for _ in range(min(back, len(self.earlier[sku]))):
            self.world.products[sku] = self.earlier[sku].pop()
        self._written("repair")

    # What people and programmers do.

    @rule(stage=st.sampled_from(CHAIN))
    def raise_code(self, stage: str) -> None:
        self.oracle.codes[stage] += 1
        CODE_VERSIONS[Stage(stage)] = f"proof {self.oracle.codes[stage]}"  # type: ignore[index]
        self.desk.reload()
        self.tally["step: raise_code"] += 1

    @rule(pick=PICK)
    def ask(self, pick: int) -> None:
        sku = sorted(self.oracle.active)[pick % len(self.oracle.active)]
        with self.desk.context.database.write() as connection:
            self.oracle.requests[sku] = requests.create(connection, sku, "drift", self.desk.context.clock(), optimize=False)
        self.tally["step: ask"] += 1

    @rule(first=st.integers(0, 5), count=st.integers(1, 3), stages=st.sets(st.sampled_from(CHAIN), min_size=1))
    def materialize(self, first: int, count: int, stages: set[str]) -> None:
        """Some neighbours in the partition dialog, with some stages of theirs."""
        keys = self.desk.instance.get_dynamic_partitions(PARTITIONS_NAME)
        chosen = keys[first % len(keys) :][:count]
        skus = [decode_key(key) for key in chosen]
        source, before = self.world.products, self._runs()
        caught = self.oracle.catch_up()
        worked = self.oracle.work(skus, source, stages, reading=RAW in stages, asked=True)
        told = _together(caught, worked)
        self.oracle.tell(told, planned=[(sku, stage) for sku in skus for stage in stages])
        self.desk.materialize(chosen, [stage for stage in CHAIN if stage in stages])
        self._compare("materialize", told.done, told.failed, before, runs=1)

    @precondition(lambda self: self.kills < KILLS_IN_A_ROW)
    @rule(at=st.integers(0, 2), point=st.sampled_from(POINTS))
    def kill(self, at: int, point: str) -> None:
        """The sensors' next run, if there is work for one, dies."""
        before, reading = self._runs(), not self.oracle.read
        if reading:
            self.oracle.take_in(self.world.products)
        skus = self.oracle.concerned(self.world.products, reading=reading)
        if not skus:
            self.settle()
            return
        chunks = [skus[start : start + CHUNK] for start in range(0, len(skus), CHUNK)]
        at = len(chunks) if point == "at the end" else at % len(chunks)
        done = self._die(chunks, at, point, reading=reading)
        # What killed runs left, and then, after a read, those that were compared and found the same.
        tells = 2 if reading and len(skus) < len(self.oracle.active) else 1
        with killed(point, at, tells_before=tells) as happened:
            self.desk.tick_and_run()
        assert happened, f"{point}: the run came to another end"
        self.kills += 1
        self._compare(f"kill {point}", done, Counter(), before, runs=1)

    def _die(self, chunks: list[list[str]], at: int, point: str, *, reading: bool) -> Counter[Attempt]:
        """What the dying run leaves behind, by the oracle; returns the materializations it told."""
        source, oracle = self.world.products, self.oracle
        caught = oracle.catch_up()
        oracle.leave_untold(Expected(failed=caught.failed))
        told = Counter(caught.done)
        for number, skus in enumerate(chunks[: at + 1]):
            if number == at and point.endswith("the commit"):
                break
            work = oracle.work(skus, source, CHAIN, reading=reading, asked=False)
            # The failures of a run turn red when it comes to its end, which this one does not.
            oracle.leave_untold(Expected(failed=work.failed) if number < at else work)
            if number < at or point == "told, not noted":
                told += work.done
            elif point == "half told":
                told += Counter({attempt: count for attempt, count in work.done.items() if attempt[1] == RAW})
        oracle.tell(Expected(done=told), ended=False)
        return told

    @rule()
    def settle(self) -> None:
        """The sensors look until they have nothing to ask for."""
        before, reading, oracle = self._runs(), not self.oracle.read, self.oracle
        if reading:
            oracle.take_in(self.world.products)
        skus = oracle.concerned(self.world.products, reading=reading)
        caught = oracle.catch_up()
        worked = oracle.work(skus, self.world.products, CHAIN, reading=reading, asked=False)
        told = _together(caught, worked)
        oracle.tell(told)
        oracle.read = True
        self.kills = 0
        needed = reading or bool(skus) or bool(caught.done or caught.failed)
        while self.desk.tick_and_run():
            assert self._runs() - before <= 1, "the sensors ask again for what is done"
        self._compare("settle", told.done, told.failed, before, runs=int(needed))
        self._compare_ends()

    def _compare(self, step: str, done: Counter[Attempt], failed: Counter[Attempt], before: int, *, runs: int) -> None:
        assert self._runs() - before == runs, f"{step}: {self._runs() - before} runs"
        found_done, found_failed = self.desk.news()
        assert found_done == done, f"{step}: materialized otherwise than expected"
        assert found_failed == failed, f"{step}: failed otherwise than expected"
        active = {(sku, stage) for sku, stage in self.oracle.red if sku in self.oracle.active}
        assert self.desk.red() == active, f"{step}: other partitions are red"
        self.tally[f"step: {step}"] += 1
        self.tally["materializations"] += done.total()
        self.tally["failures"] += failed.total()
        for (_, stage, reason), count in (done + failed).items():
            self.tally[f"recomputed: {stage}, {reason}"] += count

    def _compare_ends(self) -> None:
        """At rest the partitions are the products, and Dagster holds the versions that the database holds."""
        assert {decode_key(key) for key in self.desk.instance.get_dynamic_partitions(PARTITIONS_NAME)} == self.oracle.active
        ours, dagsters = self.desk.versions()
        unsynced = self.desk.unsynced()
        for sku in self.oracle.active:
            for stage in CHAIN:
                state = self.oracle.stages.get((sku, stage))
                if state is not None and state.failed_on is None and state.holds is not None:
                    assert ours[sku, stage] == dagsters[encode_key(sku), stage]
                    assert ((sku, stage) in unsynced) == self._waits(sku, stage), (
                        f"{sku}: {stage} is marked as unsynced, or should be"
                    )

    def _waits(self, sku: str, stage: str) -> bool:
        """Whether a stage has to be made again and cannot be: its rows are refused, or what is above it has failed."""
        made_from = self.oracle.stages[sku, stage].built_from
        assert made_from is not None
        present = self.oracle.present(sku, RAW, self.world.products) if stage == RAW else None
        return (present is not None and made_from != present) or made_from[1] != self.oracle.codes[stage]

    def _present(self, pick: int) -> str:
        present = sorted(self.world.products)
        return present[pick % len(present)]

    def _with_a_past(self) -> list[str]:
        return sorted(sku for sku, past in self.earlier.items() if past and sku in self.world.products)

    def _remember(self, sku: str) -> None:
        self.earlier.setdefault(sku, []).append(copy.copy(self.world.products[sku]))

    def _written(self, step: str, shuffle: int = 0) -> None:
        self.world.write(shuffle)
        self.oracle.read = False
        self.kills = 0
        self.tally[f"step: {step}"] += 1

    def _runs(self) -> int:
        return self.desk.instance.get_runs_count()


def _together(caught: Expected, worked: Expected) -> Expected:
    """What a run tells: of what it computed again itself, the older failure is news to nobody."""
    settled = {(sku, stage) for sku, stage, _ in worked.done + worked.failed}
    old = Counter({attempt: count for attempt, count in caught.failed.items() if attempt[:2] not in settled})
    return Expected(caught.done + worked.done, old + worked.failed)
