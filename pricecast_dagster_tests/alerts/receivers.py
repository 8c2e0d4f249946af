"""Real receivers on loopback: an HTTP server and a mail server that keep what they get, and can be down.

Belongs here: the receivers. Not here: assertions.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from threading import Thread
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

SECRET = "T0pSecretPathOfAWebhook"


@dataclass
class HttpReceiver:
    """Keeps the JSON that is posted to it; answers with `status`."""

    port: int
    status: int = 200
    got: list[dict[str, Any]] = field(default_factory=list)
    attempts: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/{SECRET}"


@contextmanager
def http_receiver(port: int = 0) -> Iterator[HttpReceiver]:
    """An HTTP server that is up for the block."""
    receiver = HttpReceiver(port)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.attempts += 1
            if receiver.status == 200:
                receiver.got.append(json.loads(body))
            self.send_response(receiver.status)
            if receiver.status in (301, 302):
                self.send_header("Location", f"/elsewhere/{SECRET}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    receiver.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class MailReceiver:
    """Keeps the mails that are sent to it."""

    port: int
    got: list[Message] = field(default_factory=list)

    @property
    def url(self) -> str:
        sender = "from=pricecast@shop.example&to=analysts@shop.example"
        return f"mailto://127.0.0.1:{self.port}/?{sender}&mode=insecure&smtp=127.0.0.1"


@contextmanager
def mail_receiver() -> Iterator[MailReceiver]:
    """A mail server that is up for the block."""
    receiver = MailReceiver(free_port())

    class Handler:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
            receiver.got.append(BytesParser().parsebytes(bytes(envelope.content or b"")))
            return "250 taken"

    controller = Controller(Handler(), hostname="127.0.0.1", port=receiver.port)
    controller.start()
    try:
        yield receiver
    finally:
        controller.stop()


def free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def text_of(mail: Message) -> str:
    """The plain text of a mail."""
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            return payload.decode()
    raise AssertionError("no plain text in the mail")
