"""Delivery: letters on their way out, in order, each until its receiver has taken it or it is given up.

Belongs here: who is tried when, and what follows from success and failure. Not here: what a letter says (`operations.digests`),
the sending itself (`operations.receivers`).

At least once: a sender that dies between the receiver's answer and the note of it sends the letter again a little later; a
webhook's receiver tells by `id`. Two senders at once do not send the same letter: one of them claims it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pricecast_dagster.errors import AlertError
from pricecast_dagster.operations.receivers import Receiver
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.storage import letters
from pricecast_dagster.storage.letters import DeliveryStatus, Letter

CLAIM: Final = timedelta(minutes=2)
"""Longer than any attempt: after it, whoever claimed the letter is dead."""

FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=1)
GIVE_UP: Final = timedelta(days=7)
PASS_SECONDS: Final = 30.0
"""Of a sensor's tick, which has 60; what is left goes with the next one."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one pass did.

    Attributes:
        sent: letters that arrived; failed: receiver -> why its letter did not.
        given_up: letters that were tried for a week.
    """

    sent: int
    failed: dict[str, str]
    given_up: int = 0


def deliver(context: StageContext, receivers: Sequence[Receiver]) -> Delivered:
    """Send what waits and is due; a receiver that fails is left alone for a while, longer each time.

    Raises:
        DatabaseUnavailableError: letters cannot be read or noted as sent.
    """
    with context.database.read() as connection:
        if not letters.counts(connection)[DeliveryStatus.WAITING]:
            return Delivered(0, {})
    deadline = time.monotonic() + PASS_SECONDS
    sent, failed = 0, {}
    for receiver in receivers:
        while time.monotonic() < deadline and (letter := _claimed(context, receiver.name)) is not None:
            error = _try(receiver, letter)
            with context.database.write() as connection:
                if error is None:
                    letters.delivered(connection, letter, context.clock())
                    sent += 1
                else:
                    letters.failed(connection, letter, error, context.clock() + pause(letter.attempts + 1))
                    failed[receiver.name] = error
            if error is not None:
                break
    with context.database.write() as connection:
        given_up = letters.give_up(connection, context.clock() - GIVE_UP)
    return Delivered(sent, failed, given_up)


def pause(attempts: int) -> timedelta:
    """How long a receiver is left alone after so many attempts at a letter: 30 s, 1 min, 2 min, ... an hour."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(attempts - 1, 10)))


def _claimed(context: StageContext, target: str) -> Letter | None:
    now = context.clock()
    with context.database.read() as connection:
        letter = letters.first_waiting(connection, target)
    if letter is None or letter.next_try_at > now:
        return None
    with context.database.write() as connection:
        return letter if letters.take(connection, letter, now + CLAIM) else None


def _try(receiver: Receiver, letter: Letter) -> str | None:
    try:
        receiver.send({"id": f"pricecast-{letter.digest_id}", **letter.content})
    except AlertError as error:
        return str(error)
    return None
