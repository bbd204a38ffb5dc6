# The Eclipse plug-in: built against Debian's Eclipse 4.26, tested as plain Java, as SWT, and in a real workbench.
ECLIPSE := clients/eclipse
ECLIPSE_TARGET := $(ECLIPSE)/target
ECLIPSE_E2E := $(PYTHON) -m pytest -o pythonpath=$(ECLIPSE)/tests/e2e $(ECLIPSE)/tests/e2e

.PHONY: eclipse-build eclipse-test eclipse-site eclipse-e2e

eclipse-build: ## Eclipse: install what is missing, compile and pack the bundles
	@scripts/eclipse/packages.sh
	@python3 scripts/eclipse/build.py

eclipse-test: eclipse-build ## Eclipse: JUnit, also on real SWT widgets under Xvfb
	@python3 scripts/eclipse/junit.py

eclipse-site: eclipse-build ## Eclipse: write the p2 update site, and install from it with the p2 director
	@python3 scripts/eclipse/site.py --check

# What drives a real window gets one more try.
eclipse-e2e: $(SETUP) eclipse-test eclipse-site ## Eclipse: the plug-in in a real workbench, driven by mouse and keyboard
	@$(ECLIPSE_E2E) || { echo 'eclipse-e2e: trying what failed once more'; $(ECLIPSE_E2E) --last-failed; }
