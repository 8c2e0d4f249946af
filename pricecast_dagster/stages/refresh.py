"""Refresh: from what is out of date to committed results, chunk by chunk; what Dagster, the command line and the API all run.

Belongs here: who is to be worked on, in which chunks, and the order of things. Not here: the stages themselves, and one chunk's
way through them (`stages.chunk`).
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages import chunk as chunks
from pricecast_dagster.stages import ingest
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.outcome import ChunkDone, Ingested, Outcome, Report, Status
from pricecast_dagster.stages.plan import Plan
from pricecast_dagster.stages.shared import codes_in_force
from pricecast_dagster.stages.stored import rows_lost
from pricecast_dagster.storage import announcements, products, states


@dataclass(frozen=True)
class Refresh:
    """A refresh that has read the source and knows whom it concerns; `chunks` does the work.

    Attributes:
        skus: the products that are worked on, in order.
        beyond: products whose rows are taken up now, and whose other stages are left to the next refresh.
        settled: products whose rows were compared and found the same, and which nothing else concerns.
    """

    context: StageContext
    plan: Plan
    intake: ingest.Intake
    skus: tuple[str, ...]
    beyond: tuple[str, ...]
    settled: tuple[Outcome, ...]

    @property
    def ingested(self) -> Ingested:
        """What the read of the source brought."""
        return self.intake.ingested

    @property
    def total(self) -> int:
        """How many products are worked on."""
        return len(self.skus) + len(self.beyond)

    def chunks(self) -> Iterator[ChunkDone]:
        """Work; each chunk is committed when it is yielded, so whoever stops listening loses one chunk at most."""
        if self.settled:
            yield ChunkDone(self.settled, 0, self.total)
        done = 0
        rows_only = self.plan.stages & {Stage.RAW_HISTORY}
        for skus, selected in ((self.skus, self.plan.stages), (self.beyond, rows_only)):
            for start in range(0, len(skus), self.context.settings.chunk_size):
                part = skus[start : start + self.context.settings.chunk_size]
                outcomes = chunks.work(self.context, self.plan, self.intake.arrival, part, selected)
                done += len(part)
                yield ChunkDone(tuple(outcomes), done, self.total)
        ingest.finish(self.context, self.intake, everything=not self.plan.skus)


def begin(context: StageContext, plan: Plan, *, limit: int | None = None) -> Refresh:
    """Read the source if it is to be read, and find out whom the refresh concerns.

    Args:
        limit: at most so many products go through all stages; the rows of the others are taken up all the same, and the next
            refresh finds them out of date.

    Raises:
        SourceError: the source cannot be read; nothing has changed.
    """
    codes = codes_in_force(context.database, context.settings, context.calendar)
    intake = ingest.NOT_READ
    if Stage.RAW_HISTORY in plan.stages:
        source = "always" if plan.source == "auto" and not plan.only_stale else plan.source
        intake = ingest.take_in(context, plan.skus, source, codes[Stage.RAW_HISTORY])
    with context.database.read() as connection:
        active = products.active_skus(connection)
        due = {item.sku for item in states.out_of_date(connection, codes, None)}
        failed = sorted({state.sku for state in states.failed(connection)}) if intake.arrival else []
        known = states.read_states(connection, failed)
    asked = plan.skus or sorted(active)
    moved = set(intake.ingested.new) | set(intake.ingested.changed) | set(intake.ingested.returned)
    moved |= {sku for sku in failed if rows_lost(context, known, sku)}
    concerned = [sku for sku in dict.fromkeys(asked) if not plan.only_stale or sku in due or sku in moved or sku not in active]
    settled = [] if intake.arrival is None else sorted(set(asked) - set(concerned))
    held: dict[str, str] = {}
    if settled:
        with context.database.read() as connection:
            held = states.in_force(connection, Stage.RAW_HISTORY)
    cut = len(concerned) if limit is None else limit
    return Refresh(
        context=context,
        plan=plan,
        intake=intake,
        skus=tuple(concerned[:cut]),
        beyond=tuple(sku for sku in concerned[cut:] if sku in moved),
        settled=tuple(Outcome(sku, Stage.RAW_HISTORY, Status.UNCHANGED, "same rows as before", held.get(sku)) for sku in settled),
    )


def run(context: StageContext, plan: Plan, on_chunk: Callable[[ChunkDone], None] | None = None) -> Report:
    """Do all of it in this process."""
    refresh = begin(context, plan)
    outcomes: list[Outcome] = []
    for done in refresh.chunks():
        outcomes += done.outcomes
        if on_chunk is not None:
            on_chunk(done)
    return Report(refresh.ingested, tuple(outcomes))


def unannounced(context: StageContext, under_way: Collection[str] = ()) -> list[Outcome]:
    """Results and failures that Dagster was not told of: of the command line, or of a run that was killed before it could.

    Args:
        under_way: ids of runs that are telling of their own results just now.
    """
    with context.database.read() as connection:
        waiting = announcements.unannounced(connection, None)
    return [
        Outcome(
            state.sku,
            state.stage,
            Status.FRESH if state.error is None else Status.FAILED,
            state.reason,
            data_version=state.data_version,
            inputs=state.inputs if state.error is None else state.failed_inputs,
            seconds=state.seconds,
            metadata=state.metadata,
            error=state.error,
        )
        for state in waiting
        if state.run_id not in under_way
    ]


def announced(context: StageContext, outcomes: Iterable[Outcome]) -> None:
    """Put on record that Dagster was told of results."""
    told = [(outcome.sku, outcome.stage, outcome.data_version) for outcome in outcomes if outcome.status is Status.FRESH]
    with context.database.write() as connection:
        announcements.announce(connection, told)


def announced_failures(context: StageContext, outcomes: Iterable[Outcome]) -> None:
    """Put on record that Dagster was told of failures: their partitions are red once the run has failed."""
    with context.database.write() as connection:
        announcements.announce_failures(connection, [(outcome.sku, outcome.stage) for outcome in outcomes])
