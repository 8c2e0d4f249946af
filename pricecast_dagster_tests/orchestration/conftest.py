import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from pricecast_dagster.definitions import build_defs
from pricecast_dagster.orchestration.jobs import JOB_NAME, OP_NAME
from pricecast_dagster.orchestration.partitions import PARTITIONS_NAME, skus_partitions
from pricecast_dagster.schemas import STAGES
from pricecast_dagster_tests.databases import KINDS, new_database_url, shared_postgres
from pricecast_dagster_tests.shop import Shop, open_shop

Counts = dict[str, dict[str, int]]
ALL_STAGES = [stage.value for stage in STAGES]


@dataclass
class Desk:
    """A shop and a Dagster instance, both real, worked in this process."""

    shop: Shop
    instance: dg.DagsterInstance
    definitions: dg.Definitions

    def run(self, **config: object) -> dg.ExecuteInProcessResult:
        """The job `refresh`, as a sensor starts it."""
        job = self.definitions.resolve_job_def(JOB_NAME)
        run_config = {"ops": {OP_NAME: {"config": config}}}
        return job.execute_in_process(instance=self.instance, run_config=run_config, raise_on_error=False)

    def materialize(self, *keys: str, stages: Sequence[str] = ALL_STAGES, **config: object) -> dg.ExecuteInProcessResult:
        """One partition, or the range between two, as the dialog of the UI does."""
        job = self.definitions.resolve_implicit_global_asset_job_def()
        tags = {"dagster/partition": keys[0]}
        if len(keys) == 2:
            tags = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[1]}
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey(stage) for stage in stages],
            run_config={"ops": {OP_NAME: {"config": config}}},
            tags=tags,
            raise_on_error=False,
        )

    def counts(self) -> Counts:
        """Materializations of each asset and partition so far."""
        return {stage: self._counted(stage) for stage in ALL_STAGES}

    def _counted(self, asset: str) -> dict[str, int]:
        records = self.instance.fetch_materializations(dg.AssetKey(asset), limit=10_000).records
        found: dict[str, int] = {}
        for record in records:
            key = str(record.partition_key)
            found[key] = found.get(key, 0) + 1
        return found

    def red(self) -> set[tuple[str, str]]:
        """The partitions Dagster shows as failed."""
        keys = self.instance.get_dynamic_partitions(PARTITIONS_NAME)
        found = set()
        for stage in STAGES:
            statuses = self.instance.get_status_by_partition(dg.AssetKey(stage.value), keys, skus_partitions) or {}
            found |= {(key, stage.value) for key, status in statuses.items() if status is not None and status.value == "FAILED"}
        return found


def definitions_of(shop: Shop) -> dg.Definitions:
    given = shop.settings.model_dump(mode="json", include=shop.settings.model_fields_set)
    return build_defs(json.loads(json.dumps(given)))


@pytest.fixture(params=KINDS)
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    shop = open_shop(tmp_path, database_url=new_database_url(request.param, tmp_path / "database"))
    overrides: dict[str, object] = {"telemetry": {"enabled": False}}
    if request.param == "postgresql":
        overrides["storage"] = {"postgres": {"postgres_url": shared_postgres()()}}
    with dg.instance_for_test(overrides=overrides, temp_dir=str(tmp_path)) as instance:
        yield Desk(shop, instance, definitions_of(shop))
