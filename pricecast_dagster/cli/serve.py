"""`serve`: the HTTP API and the web page, until Ctrl-C.

Belongs here: the command and the server. Not here: the application (`api.application`).
"""

import json

import click

LOOPBACK = ("127.0.0.1", "localhost", "::1")
GRACE_SECONDS = 10
MOST_CONNECTIONS = 1000


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others than loopback need a token.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to listen on.")
@click.option("--schema", is_flag=True, help="Print the OpenAPI schema and end.")
def serve(host: str, port: int, schema: bool) -> None:
    """Serve forecasts, the registry and training over HTTP, and the web page, until Ctrl-C.

    Without PRICECAST_API_TOKENS only this machine may ask, whatever the address.
    """
    from tempfile import TemporaryDirectory

    from pricecast_dagster.api.application import create_app
    from pricecast_dagster.api.services import open_services
    from pricecast_dagster.cli.options import settings_with

    if schema:
        with TemporaryDirectory() as folder:
            app = create_app(open_services(settings_with(home=folder, database_url="")))
            click.echo(json.dumps(app.openapi(), indent=1, ensure_ascii=False, sort_keys=True))
        return
    _run(host, port)


def _run(host: str, port: int) -> None:
    import uvicorn

    from pricecast_dagster.api.access_log import AccessLog
    from pricecast_dagster.api.application import create_app
    from pricecast_dagster.api.observability import log_as_json
    from pricecast_dagster.api.services import open_services
    from pricecast_dagster.api.tokens import load_tokens
    from pricecast_dagster.cli.options import settings_with
    from pricecast_dagster.errors import SettingsError
    from pricecast_dagster.operations.ports import require_free

    settings = settings_with()
    tokens = load_tokens(settings)
    if not tokens.needed and host not in LOOPBACK:
        raise SettingsError(
            f"Without a token the API listens on loopback only, not on {host}.",
            remedy="Set PRICECAST_API_TOKENS, or leave --host out.",
        )
    require_free(host, port, "--port")
    app = create_app(open_services(settings), tokens, AccessLog(log_as_json()))
    click.echo(f"API          http://{f'[{host}]' if ':' in host else host}:{port}")
    click.echo("Access       " + ("with a token" if tokens.needed else "this machine only, without a token"))
    click.echo(f"Dagster      {settings.dagster_url}")
    click.echo("Ctrl-C stops it.")
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        limit_concurrency=MOST_CONNECTIONS,
    )
