# The commands of the trade. `make demo` and `make test` make the environment themselves.
.PHONY: demo test lint format bench bench-backfill clean

FOR ?= 0
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := $(UV) run --frozen

demo: .venv/ready ## everything on this machine; FOR=150 stops by itself after 150 s
	$(RUN) onenet demo --for $(FOR)

# Two files at a time: most of the time goes into waiting for real servers.
test: .venv/ready ## all tests; ONENET_REQUIRE=all makes every optional part obligatory
	$(RUN) pytest -n 2 --dist loadfile

lint: .venv/ready ## style, types, direction of imports
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(RUN) lint-imports

format: .venv/ready
	$(RUN) ruff check --fix
	$(RUN) ruff format

bench: .venv/ready ## measured figures: store, MQTT to store, aggregation, SensorThings
	$(RUN) python -m bench.store
	$(RUN) python -m bench.ingest
	$(RUN) python -m bench.aggregate
	$(RUN) python -m bench.mqtt --broker mosquitto
	$(RUN) python -m bench.mqtt --broker embedded
	$(RUN) python -m bench.workers
	$(RUN) python -m bench.alerts_latency
	$(RUN) python -m bench.alerts_dag_lane
	$(RUN) python -m bench.sensorthings

bench-backfill: .venv/ready ## a month through `airflow backfill`, held against live rows (half an hour)
	$(RUN) python -m bench.backfill

clean: ## forget the demo's data
	rm -rf run demo-report.json

.venv/ready: pyproject.toml uv.lock | $(UV)
	$(UV) sync --frozen
	@touch $@

# No uv on this machine: into a folder of its own, by pip. Debian's bare python3 has no venv module
# that works; its pip will do as well.
.uv/bin/uv:
	@{ python3 -m venv .uv && .uv/bin/pip install --quiet uv; } \
	|| { rm -rf .uv && python3 -m pip install --quiet --target .uv uv; } \
	|| { echo "needs uv, or python3-venv, or pip: install one of them" >&2; exit 1; }

ifneq ($(UV),.uv/bin/uv)
$(UV):
endif
