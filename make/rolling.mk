# Restarts that nobody may notice. docs/operating.md says how to restart, docs/reliability.md has the result.
MINUTES ?= 10

.PHONY: rolling
rolling: $(SETUP) ## restart under 200 live streams every minute for MINUTES=10 (ARGS="--instances 2": PostgreSQL, nginx)
	@scripts/setup/debian.sh postgresql nginx-light
	$(PYTHON) -m bench.rolling --minutes $(MINUTES) $(ARGS)
