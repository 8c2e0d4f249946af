"""Rendering: the templates, and what all of them know.

Belongs here: the environment of the templates. Not here: what a page shows (`portfolio`, `product`).
"""

from typing import Any, Final
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from pricecast_dagster.api.pages.formats import format_for
from pricecast_dagster.api.pages.static import address

_templates: Final = Environment(
    loader=PackageLoader("pricecast_dagster.api.pages"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals["static"] = address
_templates.filters["sku_path"] = lambda sku: quote(sku, safe="")


def page(request: Request, template: str, currency: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page in the reader's format."""
    form = format_for(request.headers.get("accept-language", ""), currency)
    content = _templates.get_template(template).render(form=form, **values)
    return HTMLResponse(content, status, headers={"Vary": "Accept-Language"})
