"""Dagster over HTTP: the few GraphQL questions that pricecast asks a running webserver.

Belongs here: queries, and what their answers mean. Not here: starting Dagster (`launch`). Nothing of Dagster is imported: that
costs three seconds, and whoever asks over HTTP does not need it.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from pricecast_dagster.errors import LaunchError

LOCATION: Final = "pricecast_dagster.definitions"
REPOSITORY: Final = "__repository__"
JOB: Final = "refresh"
OP: Final = "pricecast"
SKU_TAG: Final = "pricecast/sku"

UNFINISHED: Final = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")
DAEMONS: Final = ("SENSOR", "QUEUED_RUN_COORDINATOR")

# Events of one asset that are asked for at once; 2,000 take a second on SQLite.
MOST_EVENTS = 2000


@dataclass(frozen=True, slots=True)
class Run:
    """A run as the webserver tells it; `status` in Dagster's words (`QUEUED`, `STARTED`, `SUCCESS`, `FAILURE`, ...)."""

    run_id: str
    status: str
    tags: Mapping[str, str]

    @property
    def finished(self) -> bool:
        """Whether it has come to an end, good or bad."""
        return self.status not in UNFINISHED


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """The partition keys of one asset by what the UI shows for them."""

    materialized: frozenset[str]
    failed: frozenset[str]
    missing: frozenset[str]
    materializing: frozenset[str]


class DagsterClient:
    """Asks one webserver, over HTTP, without a proxy in between.

    Every method raises LaunchError: the webserver does not answer, or it answers with an error.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 30.0) -> None:
        self.url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        # The webserver is on this machine or in this cluster; a proxy of the environment would not know it.
        self._opener = build_opener(ProxyHandler({}))

    def query(self, text: str, variables: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Answer of a GraphQL query or mutation: its `data`."""
        body = json.dumps({"query": text, "variables": variables or {}}).encode()
        request = Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        try:
            with self._opener.open(request, timeout=self._timeout_seconds) as response:
                answer = json.load(response)
        except HTTPError as error:
            raise LaunchError(
                f"Dagster at {self.url} answers {error.code}: {error.read(500).decode(errors='replace')}"
            ) from error
        except (URLError, OSError, ValueError) as error:
            raise LaunchError(f"Dagster at {self.url} does not answer: {error}.") from error
        if answer.get("errors"):
            raise LaunchError(f"Dagster at {self.url}: {'; '.join(fault['message'] for fault in answer['errors'])}", remedy="")
        data: dict[str, Any] = answer["data"]
        return data

    def problem(self) -> str | None:
        """What still keeps Dagster from working, in words; None when code is loaded and the daemons are healthy."""
        data = self.query(_READINESS)
        entries = data["workspaceOrError"].get("locationEntries", [])
        if not entries:
            return "no code location yet"
        for entry in entries:
            content = entry["locationOrLoadError"]
            if entry["loadStatus"] != "LOADED" or content is None:
                return f"{entry['name']} is loading"
            if content["__typename"] == "PythonError":
                return f"{entry['name']} cannot be loaded: {content['message'].strip()}"
        daemons = {status["daemonType"]: status["healthy"] for status in data["instance"]["daemonHealth"]["allDaemonStatuses"]}
        sick = [name for name in DAEMONS if not daemons.get(name)]
        return f"daemons not healthy yet: {', '.join(sick)}" if sick else None

    def launch_refresh(self, skus: Sequence[str] = (), *, tags: Mapping[str, str] | None = None, **config: object) -> Run:
        """Start a run of the job `refresh`.

        Args:
            skus: products, empty for all that is out of date.
            tags: of the run; a single product is tagged as such by itself.
            config: the other fields of `orchestration.assets.RefreshConfig`.
        """
        labels = dict(tags or {}) | ({SKU_TAG: skus[0]} if len(skus) == 1 else {})
        parameters = {
            "selector": {"repositoryLocationName": LOCATION, "repositoryName": REPOSITORY, "jobName": JOB},
            "runConfigData": {"ops": {OP: {"config": {"skus": list(skus), **config}}}},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in labels.items()]},
        }
        answer = self.query(_LAUNCH, {"parameters": parameters})["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            told = answer.get("message") or "; ".join(fault["message"] for fault in answer.get("errors", []))
            raise LaunchError(f"Dagster refuses to start {JOB}: {told or answer['__typename']}", remedy="")
        return _run(answer["run"])

    def run(self, run_id: str) -> Run:
        """One run."""
        found = self.find_run(run_id)
        if found is None:
            raise LaunchError(f"Dagster knows no run {run_id}.", remedy="")
        return found

    def find_run(self, run_id: str) -> Run | None:
        """One run; None where there is none of that id."""
        answer = self.query(_RUN, {"id": run_id})["runOrError"]
        return _run(answer) if answer["__typename"] == "Run" else None

    def runs(self, *, tags: Mapping[str, str] | None = None, statuses: Sequence[str] = (), limit: int = 100) -> list[Run]:
        """Runs of every job, newest first, that have these tags and one of these statuses."""
        wanted: dict[str, object] = {"tags": [{"key": key, "value": value} for key, value in (tags or {}).items()]}
        if statuses:
            wanted["statuses"] = list(statuses)
        answer = self.query(_RUNS, {"filter": wanted, "limit": limit})["runsOrError"]
        return [_run(found) for found in answer.get("results", [])]

    def partition_status(self, asset: str) -> PartitionStatus:
        """Which partitions of an asset are done, failed, missing, and being worked on."""
        node = self.query(_PARTITIONS, {"asset": {"path": [asset]}})["assetNodeOrError"]
        statuses = node.get("assetPartitionStatuses") or {}
        return PartitionStatus(
            materialized=frozenset(statuses.get("materializedPartitions", ())),
            failed=frozenset(statuses.get("failedPartitions", ())),
            missing=frozenset(statuses.get("unmaterializedPartitions", ())),
            materializing=frozenset(statuses.get("materializingPartitions", ())),
        )

    def materializations(
        self, asset: str, *, partitions: Sequence[str] | None = None, limit: int = MOST_EVENTS
    ) -> list[dict[str, Any]]:
        """Materialization events of an asset, newest first: `partition`, `runId`, `timestamp` (ms as text), `tags`."""
        variables = {"asset": {"path": [asset]}, "partitions": partitions, "limit": limit}
        answer = self.query(_EVENTS, variables)["assetOrError"]
        found: list[dict[str, Any]] = answer.get("assetMaterializations", [])
        return found

    def counts(self, asset: str) -> Counter[str]:
        """Partition key -> how often it was materialized."""
        return Counter(event["partition"] for event in self.materializations(asset) if event["partition"])


def _run(answer: Mapping[str, Any]) -> Run:
    return Run(answer["runId"], answer["status"], {tag["key"]: tag["value"] for tag in answer.get("tags", [])})


_READINESS = """
query Readiness {
  workspaceOrError {
    ... on Workspace {
      locationEntries { name loadStatus locationOrLoadError { __typename ... on PythonError { message } } }
    }
  }
  instance { daemonHealth { allDaemonStatuses { daemonType healthy } } }
}"""

_LAUNCH = """
mutation Launch($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId status tags { key value } } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on InvalidSubsetError { message }
    ... on PipelineNotFoundError { message }
  }
}"""

_RUN = """
query OneRun($id: ID!) {
  runOrError(runId: $id) { __typename ... on Run { runId status tags { key value } } }
}"""

_RUNS = """
query Runs($filter: RunsFilter!, $limit: Int) {
  runsOrError(filter: $filter, limit: $limit) {
    ... on Runs { results { runId status tags { key value } } }
  }
}"""

_PARTITIONS = """
query Partitions($asset: AssetKeyInput!) {
  assetNodeOrError(assetKey: $asset) {
    ... on AssetNode {
      assetPartitionStatuses {
        ... on DefaultPartitionStatuses {
          materializedPartitions failedPartitions unmaterializedPartitions materializingPartitions
        }
      }
    }
  }
}"""

_EVENTS = """
query Events($asset: AssetKeyInput!, $partitions: [String!], $limit: Int) {
  assetOrError(assetKey: $asset) {
    ... on Asset {
      assetMaterializations(partitions: $partitions, limit: $limit) { partition runId timestamp tags { key value } }
    }
  }
}"""
