# One image for all services: code server, webserver, daemon, API, migrations, Dask; the commands are in docker-compose.yml.
FROM python:3.13-slim-bookworm AS build
WORKDIR /build
COPY requirements/dev.txt requirements/
RUN python -m venv /opt/pricecast \
    && /opt/pricecast/bin/pip install --no-cache-dir --require-hashes -r requirements/dev.txt
COPY pyproject.toml README.md LICENSE ./
COPY pricecast_dagster pricecast_dagster
RUN /opt/pricecast/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim-bookworm
# LightGBM's OpenMP. Debian keeps one version of a package at a time: a pinned one would be gone with its next correction.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 pricecast \
    && mkdir -p /var/lib/pricecast/dagster/storage /var/lib/pricecast/home \
    && chown -R pricecast /var/lib/pricecast
COPY --from=build /opt/pricecast /opt/pricecast
COPY deploy/dagster-postgres.yaml /var/lib/pricecast/dagster/dagster.yaml
COPY deploy/workspace.yaml /etc/pricecast/workspace.yaml
ENV PATH=/opt/pricecast/bin:$PATH \
    DAGSTER_HOME=/var/lib/pricecast/dagster \
    PRICECAST_HOME=/var/lib/pricecast/home \
    PRICECAST_SOURCE=/source \
    OMP_NUM_THREADS=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# By number: an orchestrator that refuses root sees that it is none.
USER 1000
WORKDIR /var/lib/pricecast
CMD ["pricecast", "doctor"]
