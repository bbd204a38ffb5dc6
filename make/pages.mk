# The pages that the service serves: the playground.

PAGES_CLIENT := clients/typescript/node_modules/.package-lock.json
PAGES_TOOLS := .venv/.pages-test

$(PAGES_TOOLS): $(SETUP) tests/pages/requirements.txt tests/pages/package-lock.json scripts/pages/setup.sh
	@scripts/pages/setup.sh
	@touch $@

.PHONY: pages pages-check pages-test

pages: $(PAGES_CLIENT) ## copy the built TypeScript client into the playground
	@scripts/pages/bundle.sh

pages-check: $(PAGES_CLIENT) ## check the playground's types, and that its copy of the client is fresh
	@scripts/pages/types.sh
	@scripts/pages/bundle.sh --check

pages-test: pages-check $(PAGES_TOOLS) ## test the playground in real Chromium (pictures: test-output/pages; ARGS="-k phone")
	node --test tests/pages/*.test.mjs
	$(PYTHON) -m pytest -c tests/pages/pytest.ini --rootdir . tests/pages $(ARGS)
