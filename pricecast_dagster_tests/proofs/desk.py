"""A desk for histories: pricecast and an ephemeral Dagster instance, its sensors ticked and its runs executed in this process.

Belongs here: acting, and reading Dagster's event storage. Not here: judging (`machine`).
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG, CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from pricecast_dagster.definitions import build_defs
from pricecast_dagster.orchestration.jobs import JOB_NAME, UNFINISHED
from pricecast_dagster.orchestration.partitions import PARTITIONS_NAME, skus_partitions
from pricecast_dagster.orchestration.resources import PricecastResource
from pricecast_dagster.schemas import STAGES
from pricecast_dagster.settings import load_settings
from pricecast_dagster.stages.context import StageContext, open_context
from pricecast_dagster.storage.keys import decode_key
from pricecast_dagster.storage.states import read_states
from pricecast_dagster_tests.proofs.propagation import Attempt
from pricecast_dagster_tests.proofs.world import MODEL_DAYS

QUIET: dict[str, object] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
SENSORS = ("source_changed", "out_of_date")


@dataclass
class ProofDesk:
    """What is played, and how far its events have been looked at."""

    context: StageContext
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    overrides: dict[str, object]
    seen: int = 0
    runs_seen: set[str] = field(default_factory=set)

    def tick_and_run(self) -> bool:
        """Let the sensors look, one after the other, and execute the first run they ask for; says whether there was one."""
        for name in SENSORS:
            sensor = self.definitions.resolve_sensor_def(name)
            stores = PricecastResource(overrides=self.overrides)
            look = dg.build_sensor_context(instance=self.instance, definitions=self.definitions, resources={"stores": stores})
            answer = sensor(look)
            if isinstance(answer, dg.RunRequest):
                job = self.definitions.resolve_job_def(JOB_NAME)
                self._end(
                    job.execute_in_process(
                        instance=self.instance, run_config={**answer.run_config, **QUIET}, tags=answer.tags, raise_on_error=False
                    )
                )
                return True
            assert isinstance(answer, dg.SkipReason)
            assert "by hand" not in str(answer.skip_message)
        return False

    def materialize(self, keys: Sequence[str], stages: Sequence[str]) -> None:
        """Neighbouring partitions of some assets, as the dialog of the UI starts them."""
        tags = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
        self._end(
            self.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
                instance=self.instance,
                asset_selection=[dg.AssetKey(stage) for stage in stages],
                run_config=QUIET,
                tags={"dagster/partition": keys[0]} if len(keys) == 1 else tags,
                raise_on_error=False,
            )
        )

    def _end(self, result: dg.ExecuteInProcessResult) -> None:
        run = self.instance.get_run_by_id(result.run_id)
        assert run is not None
        assert run.status not in UNFINISHED

    def news(self) -> tuple[Counter[Attempt], Counter[Attempt]]:
        """Materializations and failures since the last call, by product, stage and reason."""
        done: Counter[Attempt] = Counter()
        newest = self.seen
        for stage in STAGES:
            records = self.instance.fetch_materializations(
                dg.AssetRecordsFilter(dg.AssetKey(stage.value), after_storage_id=self.seen), limit=1000
            ).records
            for record in records:
                materialization = record.asset_materialization
                assert materialization is not None and record.partition_key is not None
                reason = materialization.metadata["reason"].value
                done[decode_key(record.partition_key), stage.value, str(reason)] += 1
                newest = max(newest, record.storage_id)
        self.seen = newest
        return done, self._failures()

    def _failures(self) -> Counter[Attempt]:
        failed: Counter[Attempt] = Counter()
        for run in self.instance.get_runs():
            if run.run_id in self.runs_seen:
                continue
            self.runs_seen.add(run.run_id)
            for record in self.instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records:
                event = record.event_log_entry.dagster_event
                assert event is not None
                told = event.step_failure_data.user_failure_data
                for row in told.metadata["failed"].records if told is not None else ():
                    failed[str(row.data["sku"]), str(row.data["stage"]), str(row.data["why it was computed"])] += 1
        return failed

    def red(self) -> set[tuple[str, str]]:
        """The partitions Dagster shows as failed."""
        keys = self.instance.get_dynamic_partitions(PARTITIONS_NAME)
        found = set()
        for stage in STAGES:
            statuses = self.instance.get_status_by_partition(dg.AssetKey(stage.value), keys, skus_partitions) or {}
            found |= {(decode_key(key), stage.value) for key, status in statuses.items() if status and status.value == "FAILED"}
        return found

    def reload(self) -> None:
        """Load the definitions again, as after a deployment."""
        self.definitions = build_defs(self.overrides)

    def unsynced(self) -> set[tuple[str, str]]:
        """The partitions that Dagster marks as stale by its own reckoning of data and code versions."""
        graph = self.definitions.resolve_asset_graph()
        resolver = CachingStaleStatusResolver(self.instance, graph, LoadingContextForTest(self.instance))
        keys = self.instance.get_dynamic_partitions(PARTITIONS_NAME)
        return {
            (decode_key(key), stage.value)
            for stage in STAGES
            for key in keys
            if resolver.get_status(dg.AssetKey(stage.value), key) is StaleStatus.STALE
        }

    def versions(self) -> tuple[dict[tuple[str, str], str | None], dict[tuple[str, str], str]]:
        """What our database holds, by SKU and stage, and what Dagster holds, by key and asset."""
        with self.context.database.read() as connection:
            ours = {(sku, stage.value): state.data_version for (sku, stage), state in read_states(connection).items()}
        dagsters = {}
        for stage in STAGES:
            tags = self.instance.event_log_storage.get_latest_tags_by_partition(
                dg.AssetKey(stage.value), dg.DagsterEventType.ASSET_MATERIALIZATION, [DATA_VERSION_TAG]
            )
            dagsters |= {(key, stage.value): tag[DATA_VERSION_TAG] for key, tag in tags.items()}
        return ours, dagsters

    def close(self) -> None:
        self.instance.dispose()
        self.context.database.close()


def open_desk(folder: Path, database_url: str, *, chunk_size: int) -> ProofDesk:
    """pricecast on the folder `source` of a folder, at its cheapest: two days ahead, no tuning."""
    overrides: dict[str, object] = {
        "source": str(folder / "source"),
        "home": str(folder / "home"),
        "database_url": database_url,
        "optimize": "never",
        "jobs": 1,
        "horizon_days": 2,
        "minimum_history_days": MODEL_DAYS,
        "chunk_size": chunk_size,
    }
    overrides = json.loads(json.dumps(overrides))
    return ProofDesk(open_context(load_settings(**overrides)), dg.DagsterInstance.ephemeral(), build_defs(overrides), overrides)
