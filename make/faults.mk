# The long fault suite: kill -9, cut connections, stopped processes, behind nginx and haproxy. docs/reliability.md explains it.
MINUTES ?= 10

.PHONY: faults
faults: $(SETUP) ## break the service for MINUTES=10 and count what viewers lost (ARGS="--seed 7")
	@scripts/setup/debian.sh nginx-light haproxy
	$(PYTHON) -m bench.faults --minutes $(MINUTES) $(ARGS)
