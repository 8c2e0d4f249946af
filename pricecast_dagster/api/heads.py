"""HEAD: the answer to a GET without its body, for every address that has one.

Belongs here: the method. Not here: any route; the schema lists none of these calls, as they say nothing of their own.
"""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ROUTE: Final = "route"


class Heads:
    """Asks for a GET in place of a HEAD, and keeps its body back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] != "http.response.body":
                await send(message)
            elif not message.get("more_body", False):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        # A copy: the server goes by its own, in which the method stays HEAD, and sends no body whatever it is given.
        asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, sending)
        finally:
            if _ROUTE in asked:
                scope[_ROUTE] = asked[_ROUTE]  # the log and the figures go by it
