# The VS Code extension: clients/vscode.

VSCODE := clients/vscode
VSCODE_READY := $(VSCODE)/node_modules/.package-lock.json

# Scripts of packages are not run: none of them is needed, and one would download a browser.
$(VSCODE_READY): $(VSCODE)/package-lock.json
	cd $(VSCODE) && npm ci --no-audit --no-fund --ignore-scripts
	@touch $@

.PHONY: vscode-test vscode-package vscode-e2e

vscode-test: $(VSCODE_READY) $(TS_READY) ## check and test the VS Code extension without an editor
	cd $(VSCODE) && npm run --silent check && npm test --silent -- $(ARGS)

vscode-package: $(VSCODE_READY) $(TS_READY) ## package the VS Code extension: clients/vscode/oricode.vsix
	cd $(VSCODE) && npm run --silent package

vscode-e2e: $(SETUP) ## test the extension in a real VS Code with a real service (ARGS="-t killed"; installs code-server)
	@PYTHON=$(PYTHON) scripts/vscode-e2e.sh $(ARGS)
