"""Alerting: one look at everything that may be wrong, and one digest of what is worth telling.

Belongs here: a whole pass, for whoever asks (Dagster's sensor, the command line). Not here: what is wrong
(`operations.findings`), what is told (`operations.digests`), sending (`operations.delivery`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pricecast_dagster.errors import AlertError
from pricecast_dagster.operations import digests, findings
from pricecast_dagster.operations.delivery import Delivered, deliver
from pricecast_dagster.operations.findings import Finding
from pricecast_dagster.operations.receivers import Receiver, receivers
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.storage import alerts, letters
from pricecast_dagster.storage.alerts import Severity

LOOKS: Final[Mapping[str, Callable[[StageContext], list[Finding]]]] = {
    findings.FAILED: findings.failed_products,
    findings.SOURCE: findings.source,
    findings.MONITOR: findings.monitored,
}
"""Kind of finding -> how it is looked for. Failed runs are not here: only Dagster knows of them, and hands them in."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What one pass came to.

    Attributes:
        title: of the digest; None where there was nothing to tell, or nobody to tell it to.
        present: findings of the kinds that were looked at.
    """

    title: str | None
    present: int
    delivered: Delivered


def run(context: StageContext, kinds: Sequence[str] = tuple(LOOKS), found: Sequence[Finding] | None = None) -> Passed:
    """Look, tell, and send what waits.

    Args:
        kinds: what to look at; what is known of other kinds stays as it is.
        found: findings of failed runs; None where nobody has looked at runs.

    Raises:
        SettingsError: a receiver's address cannot be used.
    """
    to = receivers(context.settings)
    title, present = observe(context, kinds, found, to) if kinds or found is not None else (None, 0)
    return Passed(title, present, deliver(context, to))


def observe(
    context: StageContext, kinds: Sequence[str], found: Sequence[Finding] | None, to: Sequence[Receiver]
) -> tuple[str | None, int]:
    """Look, and put on record what is wrong and the digest that tells of it, in one transaction."""
    seen = [finding for kind in kinds for finding in LOOKS[kind](context)] + list(found or ())
    looked_at = {*kinds, *([findings.RUN] if found is not None else [])}
    now = context.clock()
    settings = context.settings
    with context.database.write() as connection:
        alerts.lock(connection)
        known = alerts.of_kinds(connection, looked_at)
        kept, digest = digests.compare(
            known,
            seen,
            now,
            silence=timedelta(hours=settings.alert_silence_hours),
            least=Severity(settings.alert_severity),
            audience=bool(to),
        )
        alerts.keep(connection, kept)
        if digest is None:
            return None, len(seen)
        letters.post(connection, digests.content(digest, now), digest.severity.value, [one.name for one in to], now)
    return digests.title(digest), len(seen)


def try_out(context: StageContext) -> dict[str, str | None]:
    """Send a word to every receiver at once; receiver -> why it did not arrive, None where it did.

    Raises:
        SettingsError: a receiver's address cannot be used.
    """
    told = {
        "id": "pricecast-test",
        "title": "pricecast: a test",
        "severity": Severity.INFO.value,
        "created_at": context.clock().isoformat(),
        "text": "This is how alerts will arrive. Nothing is wrong.",
    }
    answers: dict[str, str | None] = {}
    for receiver in receivers(context.settings):
        try:
            receiver.send(told)
        except AlertError as error:
            answers[receiver.name] = str(error)
        else:
            answers[receiver.name] = None
    return answers


def send_again(context: StageContext) -> int:
    """Let letters that were given up, or wait for their next attempt, be sent with the next pass; returns how many were dead."""
    names = [receiver.name for receiver in receivers(context.settings)]
    with context.database.write() as connection:
        return letters.revive(connection, names, context.clock())
