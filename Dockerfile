# One image for ingest, console and Airflow: one lock holds them together (docs/decisions/0004).
# It has many roles, so each service of docker-compose.yml says its own command and healthcheck.
FROM python:3.12-slim-bookworm AS build
# Only used while building; what it installs is fixed, with hashes, by uv.lock.
RUN pip install --no-cache-dir "uv==0.13.*"
WORKDIR /app
# `--extra scale` for Airflow on Celery: compose.scale.yml.
ARG EXTRAS=""
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
# The dependencies first: they change less often than our code.
COPY pyproject.toml uv.lock README.md ./
RUN uv sync --frozen --no-dev --no-install-project ${EXTRAS}
COPY schemas schemas
COPY drawing drawing
COPY standards standards
COPY storage storage
COPY registry registry
COPY alerts alerts
COPY ingest ingest
COPY network network
COPY bulletin bulletin
COPY dags dags
COPY dashboards dashboards
COPY console console
COPY simulators simulators
COPY onenet onenet
RUN uv sync --frozen --no-dev ${EXTRAS}

FROM python:3.12-slim-bookworm
# What a PDF is set with: Pango and a font that has Chinese (docs/decisions/0007).
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*
# Volumes mounted on /airflow/logs, /boards, /demo, /raw and /reports take over their owner;
# Grafana reads /boards.
RUN useradd --system --uid 10001 --user-group --create-home onenet \
    && install -d -o onenet -g onenet -m 0750 /airflow /airflow/logs /demo /raw /reports \
    && install -d -o onenet -g onenet -m 0755 /boards
# Owned by root: the processes can read their own code and not change it.
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    AIRFLOW_HOME=/airflow
USER 10001:10001
ENTRYPOINT ["onenet"]
