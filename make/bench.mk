# The benchmark: installs the peers, runs all in turn, prints ratios.

EXPRESS := bench/peers/express/node_modules/.package-lock.json

$(EXPRESS): bench/peers/express/package-lock.json
	cd bench/peers/express && npm ci --no-audit --no-fund
	@touch $@

.PHONY: bench bench-full
bench: $(SETUP) $(EXPRESS) ## measure the service beside its peers, a few minutes (ARGS="--only burst")
	$(PYTHON) -m bench $(ARGS)

bench-full: $(SETUP) $(EXPRESS) ## the same with more rounds
	$(PYTHON) -m bench --full $(ARGS)
