# The README's two commands are `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2

.PHONY: install demo test test-slow check bench up down
.DELETE_ON_ERROR:

install: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[all]'
	@touch $@

demo: install
	$(BIN)/python trainer/run.py

# Every test that takes seconds.
test: install
	$(BIN)/pytest -m 'not slow' -n $(WORKERS)

# Every test that takes minutes, one after the other.
test-slow: install
	$(BIN)/pytest -m slow

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install
	$(BIN)/python -m benchmarks

# The service in containers, on loopback, with keys of its own.
up: .env
	docker compose up --build --detach --wait
	@echo "Serving on http://$$(docker compose port verifier 8080), described at /docs; its key is VERIFIER_API_KEY in .env"

.env:
	@umask 077; $(PYTHON) -c 'import secrets; \
	[print(f"{name}={secrets.token_hex(24)}") for name in ("VERIFIER_API_KEY", "REDIS_PASSWORD", "SANDBOX_API_KEY")]' > $@
	@echo "Wrote new keys to $@"

down:
	docker compose --profile train down
