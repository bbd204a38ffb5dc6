# The benchmark: installs the peers, runs all in turn, prints ratios.

EXPRESS := bench/peers/express/node_modules/.package-lock.json
LITELLM := bench/peers/litellm/.venv/.set-up

$(EXPRESS): bench/peers/express/package-lock.json
	cd bench/peers/express && npm ci --no-audit --no-fund
	@touch $@

$(LITELLM): bench/peers/litellm/requirements.lock $(SETUP)
	.venv/bin/uv venv --quiet --clear $(@D)
	.venv/bin/uv pip install --quiet --python $(@D)/bin/python --requirements $<
	@touch $@

.PHONY: bench bench-full bench-peers bench-litellm
bench-peers: $(SETUP) $(EXPRESS)
	@scripts/setup/debian.sh nginx-light

# A peer that cannot be installed is left out, and the benchmark says so.
bench-litellm: $(SETUP)
	@$(MAKE) --silent --no-print-directory $(LITELLM) || echo 'the LiteLLM proxy could not be installed'

bench: bench-peers ## measure the service beside its peers, a few minutes (ARGS="--only burst")
	$(PYTHON) -m bench $(ARGS)

bench-full: bench-peers bench-litellm ## the same with LiteLLM, PostgreSQL and more rounds, about half an hour
	@scripts/setup/debian.sh postgresql
	$(PYTHON) -m bench --full --out test-output/bench-full.json $(ARGS)
