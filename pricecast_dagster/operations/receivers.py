"""Receivers: where alerts go, each behind one call that sends or says why it could not.

Belongs here: addresses, and the two ways of sending: a JSON POST, and Apprise for mail, Slack and a hundred others. Not here:
what is sent (`operations.digests`), when and how often (`operations.delivery`).

An address often is the password (a chat's webhook, a mail account). Only a receiver's name is stored, logged and shown: scheme,
host where it has one, and a fingerprint that tells two of them apart.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pricecast_dagster.errors import AlertError, SettingsError
from pricecast_dagster.settings import Settings

SECONDS: Final = 10.0
"""For one attempt; a sensor's tick, in which several may be made, has 60."""

_SHORTEST_SECRET: Final = 4
Send = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Receiver:
    """A place that alerts go to.

    Attributes:
        name: how it is told apart from others; holds no secret.
        send: delivers a digest's content; raises AlertError where it did not arrive.
    """

    name: str
    send: Send


def receivers(settings: Settings) -> list[Receiver]:
    """Every receiver of the settings.

    Raises:
        SettingsError: an address cannot be used; it is named by its place in the list, not shown.
    """
    found = []
    for number, secret in enumerate(settings.alert_webhooks, 1):
        found.append(_webhook(secret.get_secret_value(), number))
    for number, secret in enumerate(settings.alert_targets, 1):
        found.append(_apprise(secret.get_secret_value(), number))
    return list({receiver.name: receiver for receiver in found}.values())


def _fingerprint(address: str) -> str:
    return blake2b(address.encode(), digest_size=4).hexdigest()


def _webhook(url: str, number: int) -> Receiver:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise SettingsError(f"PRICECAST_ALERT_WEBHOOKS, number {number}: it must be a URL that begins with http:// or https://.")
    return Receiver(f"{parts.scheme}://{host}#{_fingerprint(url)}", lambda content: _post(url, content))


class _NoRedirect(HTTPRedirectHandler):
    """A redirected POST would become a GET that nobody reads, and count as delivered."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _post(url: str, content: Mapping[str, Any]) -> None:
    body = json.dumps(content, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "pricecast"}
    try:
        with build_opener(_NoRedirect).open(Request(url, body, headers, method="POST"), timeout=SECONDS) as answer:
            answer.read(1)
    except HTTPError as error:
        error.close()
        raise AlertError(f"The receiver answered {error.code} {error.reason}.") from None
    except (URLError, OSError, ValueError) as error:
        raise AlertError(without_secrets(f"The receiver cannot be reached: {getattr(error, 'reason', error)}.", url)) from None


def _apprise(url: str, number: int) -> Receiver:
    if not _service(url):
        raise SettingsError(
            f"PRICECAST_ALERT_TARGETS, number {number}: Apprise does not understand it.",
            remedy="docs/alerts.md has examples; Apprise's own pages list every service.",
        )
    return Receiver(f"{urlsplit(url).scheme}#{_fingerprint(url)}", lambda content: _notify(url, content))


def _service(url: str) -> Any:
    """An Apprise with this one service; empty where it does not understand the address."""
    import logging
    import warnings

    from apprise import Apprise, AppriseAsset

    # Its own log has whole addresses; what went wrong comes with the result of a call, and is cleaned here.
    log = logging.getLogger("apprise")
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    service = Apprise(asset=AppriseAsset(app_id="pricecast", app_desc="pricecast", app_url="", async_mode=False))
    with warnings.catch_warnings():
        # It loads a hundred services, one of them through a module that Python 3.11 announces the end of.
        warnings.simplefilter("ignore", DeprecationWarning)
        service.add(url)
    return service


def _notify(url: str, content: Mapping[str, Any]) -> None:
    from apprise import NotifyFormat, NotifyType

    kinds = {"error": NotifyType.FAILURE, "warning": NotifyType.WARNING, "info": NotifyType.INFO}
    result = _service(url).notify(
        body=str(content["text"]),
        title=str(content["title"]),
        notify_type=kinds[str(content["severity"])],
        body_format=NotifyFormat.TEXT,
        timeout=SECONDS,
    )
    if not result:
        causes = dict.fromkeys(str(getattr(entry, "message", entry)) for entry in result.logs())
        raise AlertError(
            without_secrets(f"The receiver did not take it: {' '.join(causes) or 'no cause was told'}", url)
        ) from None


def without_secrets(text: str, url: str) -> str:
    """A text without the address and without any part of it but scheme and host."""
    parts = urlsplit(url)
    pieces = re.split(r"[/?&=;,@:]", url.partition("://")[2])
    open_parts = {parts.hostname, *str(parts.hostname).split("."), str(parts.port)}
    for secret in sorted({url, *pieces, *map(unquote, pieces)} - open_parts, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return text
