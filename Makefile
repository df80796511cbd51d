# The commands that stay stable; each sets up what it needs. Python 3.11+, git and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
YEAR ?= 2025
ROWS ?= 20000

.PHONY: help setup demo test lint ui lock clean ckan-up ckan-down test-ckan bench

help:
	@echo "make demo   genera dos semestres sintéticos, ejecuta todo y publica en data/portal/"
	@echo "make test   pruebas que solo necesitan Python (FULL=1: tamaños completos)"
	@echo "make lint   estilo, tipos y reglas de importación"
	@echo "make bench  mediciones de velocidad con sus razones (docs/mediciones.md)"
	@echo "make ui     interfaz de Dagster en http://127.0.0.1:3000"
	@echo "make ckan-up / ckan-down   CKAN 2.12 real en http://127.0.0.1:25050, solo en esta máquina"
	@echo "make test-ckan   pruebas contra ese CKAN"
	@echo "make bench   mediciones, cada una con aquello con lo que se compara"

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Se necesita Python 3.11 o posterior")'
	@echo "Preparando el entorno en $(VENV) (solo la primera vez)…"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)
	@$(BIN)/python -m pipeline.demo --year $(YEAR) --rows $(ROWS)

test: $(READY)
	@$(BIN)/python -m pytest

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

ui: $(READY)
	@$(BIN)/python -m pipeline.orchestration.ui

ckan-up: $(READY)
	@$(BIN)/python ckan/up

ckan-down:
	@$(PYTHON) ckan/down

test-ckan: ckan-up
	@PQRSD_CKAN_REQUIRED=1 $(BIN)/python -m pytest tests/test_ckan_*.py

bench: $(READY) ckan-up
	@$(BIN)/python -m benchmarks.microdata
	@$(BIN)/python -m benchmarks.joint_audit
	@$(BIN)/python -m benchmarks.reading
	@$(BIN)/python -m benchmarks.ckan_publish --rows 100000 $(if $(FULL),1000000)

lock: $(READY)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra dev \
		--no-emit-index-url --no-emit-find-links --no-header pyproject.toml -o requirements.lock

clean: ckan-down
	rm -rf data
