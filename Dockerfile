# One image for ingest, console and Airflow: one lock holds them together.
FROM python:3.12-slim-bookworm AS build
COPY --from=ghcr.io/astral-sh/uv:0.9 /uv /usr/local/bin/uv
WORKDIR /app
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
COPY pyproject.toml uv.lock README.md ./
RUN uv sync --frozen --no-dev --no-install-project
COPY schemas schemas
COPY standards standards
COPY storage storage
COPY registry registry
COPY alerts alerts
COPY ingest ingest
COPY network network
COPY dags dags
COPY dashboards dashboards
COPY console console
COPY simulators simulators
COPY onenet onenet
RUN uv sync --frozen --no-dev

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --create-home onenet
COPY --from=build --chown=root:root /app /app
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1
USER onenet
ENTRYPOINT ["onenet"]
