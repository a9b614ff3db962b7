# Two commands are all the set-up there is: make demo, make test.
.PHONY: help demo test test-slow check docs bench faults chaos clean
PYTHON := .venv/bin/python

help:
	@echo "make demo       set everything up, train baseline and fix, compare them (8 to 10 minutes)"
	@echo "make test       set everything up, run the tests"
	@echo "make check      formatting, lint, types"
	@echo "make docs       the documentation site, in build/docs"
	@echo "make bench      speed, memory and overhead, side by side with plain SB3 (about 40 minutes)"
	@echo "make faults     plant faults, score whether the diagnosis names them (an hour; goes on where it stopped)"
	@echo "make chaos      kill, fill, corrupt and poison what there is, and count what does not hold (half an hour)"
	@echo "make test-slow  the tests that take minutes"
	@echo "make clean      remove the virtual environment and caches; runs are kept"

demo:
	@scripts/setup.sh
	@.venv/bin/goalscope demo

test:
	@scripts/setup.sh browser
	@$(PYTHON) -m pytest -m "not slow and not gpu" -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-slow:
	@scripts/setup.sh browser
	@$(PYTHON) -m pytest -m "slow and not gpu"

check:
	@scripts/setup.sh
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy -p goalscope

docs:
	@scripts/setup.sh
	@$(PYTHON) -m sphinx -q -E -W --keep-going docs build/docs
	@echo "The site: build/docs/index.html"

bench:
	@scripts/setup.sh
	@$(PYTHON) -m benchmarks.speed
	@$(PYTHON) -m benchmarks.recipe_speed
	@$(PYTHON) -m benchmarks.overhead

faults:
	@scripts/setup.sh
	@$(PYTHON) -m benchmarks.planted_faults

chaos:
	@scripts/setup.sh
	@$(PYTHON) -m benchmarks.chaos

clean:
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache
