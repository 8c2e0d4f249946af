"""Static files: style, scripts, and the chart library as its Python package ships it.

Belongs here: serving them packed and cacheable. Not here: what is in them.
"""

import gzip
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Annotated, Final

from fastapi import APIRouter, Header, HTTPException, Response

OWN: Final = {"page.css": "text/css", "product.js": "text/javascript", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
CHARTS: Final = "plotly.min.js"
"""4.8 MB, 1.4 MB packed, fetched once: an address carries the hash of what it leads to."""


def build() -> APIRouter:
    """The route."""
    router = APIRouter(include_in_schema=False)

    @router.get("/static/{name}")
    def static(name: str, accept_encoding: Annotated[str, Header()] = "") -> Response:
        """A file of the web page."""
        if name not in OWN and name != CHARTS:
            raise HTTPException(404)
        content, packed, _ = _loaded(name)
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        if "gzip" in accept_encoding:
            headers["Content-Encoding"] = "gzip"
            content = packed
        return Response(content, media_type=OWN.get(name, "text/javascript"), headers=headers)

    return router


def address(name: str) -> str:
    """Where a file is fetched; it changes when the file does."""
    return f"/static/{name}?{_loaded(name)[2]}"


@cache
def _loaded(name: str) -> tuple[bytes, bytes, str]:
    """A file as it is, packed, and a hash of it."""
    folder = files("plotly") / "package_data" if name == CHARTS else files("pricecast_dagster.api") / "static"
    content = (folder / name).read_bytes()
    return content, gzip.compress(content, 6, mtime=0), sha256(content).hexdigest()[:12]
