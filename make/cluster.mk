# Several instances on PostgreSQL behind nginx. docs/scaling.md explains them.

MINUTES ?= 10

.PHONY: cluster chaos

cluster: $(SETUP) ## start three instances on a private PostgreSQL behind nginx (INSTANCES=3 PORT=8080)
	@scripts/cluster.sh

chaos: $(SETUP) ## break such a cluster for MINUTES=10 and count what viewers lost (ARGS="--seed 7")
	@scripts/setup/debian.sh postgresql nginx-light
	$(PYTHON) -m bench.chaos --minutes $(MINUTES) $(ARGS)
