# Every target does its own set-up: the virtual environment is made, with the exact tested versions, when it is
# missing or older than what it is made from.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready

.PHONY: help venv demo test test-slow test-kits test-coreai swift-toolchain kotlin-toolchain lint bench peers bench-peers bench-llm conformance clean

help:
	@echo "make demo       distil, export, verify and benchmark the movie-review student; report in exported/"
	@echo "make test       the tests, without the slow ones"
	@echo "make test-slow  the slow tests, and the property tests on new random examples"
	@echo "make test-kits  builds and tests the app kits in Swift, Kotlin and TypeScript (fetches 0.7 GB once)"
	@echo "make test-coreai  Core AI assets, run by Apple's own runtime (an environment of its own, 2.4 GB)"
	@echo "make lint       ruff and mypy"
	@echo "make bench      edgekit's own benchmarks"
	@echo "make peers      an environment for each toolkit that edgekit is compared with (9 GB, some minutes)"
	@echo "make bench-peers  distillation speed and exported latency against other toolkits (an hour and a half)"
	@echo "make bench-llm  a language model at 4 bits against llama.cpp, onnxruntime-genai and transformers"
	@echo "make conformance  coremltools' own op tests, answered by edgekit.mil (some minutes)"
	@echo "make venv       only the virtual environment"
	@echo "make clean      remove the virtual environment and caches (not results, not downloads)"

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("edgekit needs Python 3.11 or newer; set PYTHON=...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	# torch first and alone, so that no other package's looser wish chooses its build.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $(STAMP)

venv: $(STAMP)

demo: $(STAMP)
	$(BIN)/edgekit run movie-reviews
	$(BIN)/edgekit predict exported/movie-reviews/student/onnx/model_int8.onnx \
	    "A quiet triumph, funny and humane." "Ninety minutes of my life I will not get back."

test: $(STAMP)
	$(BIN)/python -m pytest -m "not slow and not kits" -n 2 --dist loadfile

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m "slow and not kits"
	$(BIN)/python -m pytest -m hypothesis --hypothesis-profile=search

# A toolchain that can't be had here says why, and its tests are skipped.
test-kits: $(STAMP)
	-tests/toolchains/swift.sh make
	-tests/toolchains/kotlin.sh make
	$(BIN)/python -m pytest -m kits -rs

swift-toolchain:
	tests/toolchains/swift.sh make

kotlin-toolchain:
	tests/toolchains/kotlin.sh make

# Core AI's packages are young: they stay out of the environment that everything else is tested in.
COREAI := .venv-coreai

$(COREAI)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(COREAI)
	$(COREAI)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(COREAI)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	    --editable ".[dev,coreai]"
	@touch $@

test-coreai: $(COREAI)/.ready
	$(COREAI)/bin/python -m pytest -k "coreai or asset" --show-capture=no \
	    tests/export/test_export_coreai.py tests/verify/test_verify_decoder.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python benchmarks/command_start.py
	$(BIN)/python benchmarks/exported_latency.py

PEERS := trainer textbrewer torchdistill optimum olive openvino torchao llamacpp genai

peers: $(PEERS:%=.venv-peers/%/.ready)

bench-peers: $(STAMP) peers
	$(BIN)/python benchmarks/distillation_speed.py
	$(BIN)/edgekit run movie-reviews
	$(BIN)/python benchmarks/exported_latency.py

bench-llm: $(STAMP) .venv-peers/llamacpp/.ready .venv-peers/genai/.ready
	$(BIN)/python benchmarks/llm_decode.py

.venv-peers/%/.ready: benchmarks/peers/%.txt benchmarks/peers/common.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	# Every version is listed, so nothing needs to be resolved.
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement $<
	@touch $@

conformance: $(STAMP)
	$(BIN)/python benchmarks/coreml_conformance.py

clean:
	rm -rf $(VENV) .venv-peers .venv-coreai .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
