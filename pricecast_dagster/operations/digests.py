"""Digests: what of the findings is told, in one message a pass, and what is kept in silence.

Belongs here: the rule, as a pure function of what is known and what was found, and the words of the message. Not here: finding
out (`operations.findings`), storing and sending (`operations.alerting`, `operations.delivery`).

The rule: a subject is told of when it comes, when it gets graver, and again once the silence is over while it lasts. When it is
gone that is told too, if its coming was. A subject that comes and goes within the silence is told of once.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from pricecast_dagster.operations.findings import Finding
from pricecast_dagster.storage.alerts import Alert, Severity

LISTED: Final = 20
"""Of each part of a digest; the others are counted. 10,000 products that fail are a message of 20 lines."""

PARTS: Final = ("new", "graver", "lasting", "resolved")


@dataclass(frozen=True, slots=True)
class Digest:
    """What one message tells.

    Attributes:
        new: began since the last message; graver: told before, as less grave; lasting: told before, and still there after the
            silence; resolved: told before, and gone.
        present: how many findings last in all, told or not.
    """

    new: tuple[Alert, ...] = ()
    graver: tuple[Alert, ...] = ()
    lasting: tuple[Alert, ...] = ()
    resolved: tuple[Alert, ...] = ()
    present: int = 0

    @property
    def severity(self) -> Severity:
        """Of the gravest that lasts; info where all is resolved."""
        told = (*self.new, *self.graver, *self.lasting)
        return max((one.severity for one in told), key=lambda severity: severity.rank, default=Severity.INFO)


def compare(
    known: Mapping[str, Alert],
    findings: Iterable[Finding],
    now: datetime,
    *,
    silence: timedelta,
    least: Severity,
    audience: bool = True,
) -> tuple[list[Alert], Digest | None]:
    """Hold what was found against what is known.

    Args:
        known: subject -> alert, of the kinds that were looked at; what lasts there and was not found is resolved.
        findings: what was found, one a subject.
        now: the time of the look.
        silence: how long a subject that was told of is not told of again.
        least: what is less grave is kept and never told.
        audience: whether there is anybody to tell; what nobody was told of is told once there is.

    Returns:
        The alerts to store, and the digest to send; None where there is nothing to tell.
    """
    found = {finding.subject: finding for finding in findings}
    alerts = [_seen(finding, known.get(subject), now) for subject, finding in found.items()]
    gone = [replace(one, resolved_at=now) for subject, one in known.items() if one.resolved_at is None and subject not in found]
    parts = {part: [one for one in alerts if _part(one, now, silence, least) == part] for part in PARTS}
    if parts["lasting"]:
        # Reminders go together: those that would be due within the next half of the silence come along.
        parts["lasting"] = [one for one in alerts if _part(one, now, silence / 2, least) == "lasting"]
    parts["resolved"] = [one for one in gone if one.announced]
    if not audience or not any(parts.values()):
        return alerts + gone, None
    told = {one.subject for part in PARTS for one in parts[part]}
    marked = [_told(one, now) if one.subject in told else one for one in alerts]
    return marked + gone, Digest(**{part: _gravest(parts[part]) for part in PARTS}, present=len(alerts))


def _seen(finding: Finding, before: Alert | None, now: datetime) -> Alert:
    lasts = before is not None and before.resolved_at is None
    return Alert(
        subject=finding.subject,
        kind=finding.kind,
        sku=finding.sku,
        severity=finding.severity,
        told=finding.told,
        remedy=finding.remedy,
        evidence=finding.evidence,
        since=before.since if before is not None and lasts else now,
        seen_at=now,
        told_at=before.told_at if before is not None else None,
        told_severity=before.told_severity if before is not None else None,
        announced=before is not None and lasts and before.announced,
    )


def _part(one: Alert, now: datetime, silence: timedelta, least: Severity) -> str | None:
    if one.severity.rank < least.rank:
        return None
    if one.told_at is None or one.told_severity is None:
        return "new"
    if one.severity.rank > one.told_severity.rank:
        return "graver" if one.announced else "new"
    if now - one.told_at < silence:
        return None
    return "lasting" if one.announced else "new"


def _told(one: Alert, now: datetime) -> Alert:
    return replace(one, told_at=now, told_severity=one.severity, announced=True)


def _gravest(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    return tuple(sorted(alerts, key=lambda one: (-one.severity.rank, one.since, one.subject)))


def title(digest: Digest) -> str:
    """The subject line: `pricecast: 2 new, 1 resolved`."""
    counts = ", ".join(f"{len(getattr(digest, part)):,} {part}" for part in PARTS if getattr(digest, part))
    return f"pricecast: {counts}"


def text(digest: Digest) -> str:
    """The message as plain lines, for mail and chats."""
    blocks = []
    for part in PARTS:
        alerts: Sequence[Alert] = getattr(digest, part)
        if alerts:
            lines = [f"{part.capitalize()} ({len(alerts):,})", *(_line(one, part) for one in alerts[:LISTED])]
            if len(alerts) > LISTED:
                kinds = Counter(one.kind for one in alerts[LISTED:])
                lines.append("- and " + ", ".join(f"{count:,} more of kind {kind}" for kind, count in kinds.most_common()))
            blocks.append("\n".join(lines))
    blocks.append(f"{digest.present:,} present in all.")
    return "\n\n".join(blocks)


def _line(one: Alert, part: str) -> str:
    who = f"{one.sku}: " if one.sku is not None else ""
    if part == "resolved":
        return f"- {who}{one.told} (since {one.since:%Y-%m-%d %H:%M} UTC, gone now)"
    return f"- [{one.severity}] {who}{one.told}{' ' + one.remedy if one.remedy else ''}"


def content(digest: Digest, now: datetime) -> dict[str, Any]:
    """The message for programs: what a webhook gets."""
    return {
        "title": title(digest),
        "severity": digest.severity.value,
        "created_at": now.isoformat(),
        "text": text(digest),
        "counts": {part: len(getattr(digest, part)) for part in PARTS} | {"present": digest.present},
        **{part: [_item(one) for one in getattr(digest, part)[:LISTED]] for part in PARTS},
    }


def _item(one: Alert) -> dict[str, Any]:
    return {
        "subject": one.subject,
        "kind": one.kind,
        "sku": one.sku,
        "severity": one.severity.value,
        "told": one.told,
        "remedy": one.remedy,
        "since": one.since.isoformat(),
        "evidence": dict(one.evidence),
    }
