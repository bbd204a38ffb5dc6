# Goals with numbers, one verb each; docs/reliability.md says which and what came of them. `make goals` runs all.
GOALS := .venv/.goals

$(GOALS): $(SETUP) bench/goals/requirements.txt scripts/goals/setup.sh
	@scripts/goals/setup.sh
	@touch $@

.PHONY: goals autobahn autobahn-clients encoder surface fuzz hostile storm heartbeats stalled dead-peers full-disk
.PHONY: disk-faults injected

SECONDS_EACH ?= 60
SEED ?= 1

goals: ## all goals with numbers, about twenty minutes
	@$(MAKE) --no-print-directory --keep-going autobahn autobahn-clients encoder surface fuzz hostile storm heartbeats \
	  stalled dead-peers full-disk disk-faults injected

autobahn: $(SETUP) ## WebSocket conformance by the Autobahn suite (needs Python 2.7; says so when there is none)
	@code=0; python2=$$(scripts/goals/autobahn.sh) || code=$$?; \
	case $$code in 0) $(PYTHON) -m bench.goals.autobahn "$$python2";; 3) ;; *) exit $$code;; esac

# The client's packages, and Chromium: what typescript.mk and pages.mk install.
autobahn-clients: $(SETUP) clients/typescript/node_modules/.package-lock.json .venv/.pages-test ## the same of our clients' WebSockets: Python, Node.js, Chromium, Java (ARGS="--only java")
	@code=0; python2=$$(scripts/goals/autobahn.sh) || code=$$?; \
	case $$code in 0) $(PYTHON) -m bench.goals.autobahn_clients "$$python2" $(ARGS);; 3) ;; *) exit $$code;; esac

encoder: $(SETUP) clients/typescript/node_modules/.package-lock.json ## random texts through the encoder and four SSE parsers (ARGS="--count 1000000 --seed 7")
	$(PYTHON) -m bench.goals.encoder $(ARGS)

surface: $(GOALS) ## every route by schemathesis (ARGS="--examples 200 --seed 7")
	$(PYTHON) -m bench.goals.surface $(ARGS)

fuzz: $(GOALS) ## coverage-guided fuzzing of the decoders (SECONDS_EACH=60 SEED=1)
	@mkdir -p test-output; for target in commands frames events; do echo "fuzz $$target, seed $(SEED)"; \
	  .venv/goals/bin/python -m bench.goals.fuzz $$target -max_total_time=$(SECONDS_EACH) -seed=$(SEED) -max_len=400 \
	    -artifact_prefix=test-output/ -print_final_stats=1 2>test-output/fuzz-$$target.log \
	    || { tail -n 40 test-output/fuzz-$$target.log; exit 1; }; \
	  sed -n 's/^stat::number_of_executed_units: */  runs without a finding: /p' test-output/fuzz-$$target.log; done

hostile: $(SETUP) ## hostile peers beside honest viewers (ARGS="slow_heads pings")
	$(PYTHON) -m bench.goals.hostile $(ARGS)

storm: $(SETUP) ## a kill under 5,000 viewers: are all back, with everything? (ARGS="--viewers 1000")
	$(PYTHON) -m bench.goals.storm $(ARGS)

heartbeats: $(SETUP) ## 500 busy streams beside runs that wait: no silence beyond a heartbeat (ARGS="--seconds 600")
	$(PYTHON) -m bench.goals.heartbeats $(ARGS)

stalled: $(SETUP) ## 1,000 readers that take nothing: what each costs, and when it is cut
	$(PYTHON) -m bench.goals.stalled $(ARGS)

dead-peers: $(SETUP) ## peers that vanish without a word: how soon they are gone (root; a network namespace)
	@scripts/setup/debian.sh iproute2
	$(PYTHON) -m bench.goals.dead_peers

full-disk: $(SETUP) ## a disk that fills up under runs and is emptied again (root; a tmpfs)
	$(PYTHON) -m bench.goals.disk

disk-faults: $(SETUP) ## a disk that fails, dawdles or refuses writes under runs (strace attaches to the service)
	@scripts/setup/debian.sh strace
	$(PYTHON) -m bench.goals.disk_faults $(ARGS)

injected: $(SETUP) ## 200 conversations that talk an obedient model into deploying (ARGS="--transcripts 54 --seed 7")
	PYTHONPATH=tests $(PYTHON) -m bench.goals.injected $(ARGS)
