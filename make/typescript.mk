# The TypeScript client: clients/typescript.

TS := clients/typescript
TS_READY := $(TS)/node_modules/.package-lock.json

$(TS_READY): $(TS)/package-lock.json
	cd $(TS) && npm ci --no-audit --no-fund
	@touch $@

.PHONY: ts-test ts-build

ts-build: $(TS_READY) ## build the TypeScript client: clients/typescript/dist/oricode-client.js
	cd $(TS) && npm run --silent build

ts-test: $(TS_READY) $(SETUP) ## check and test the TypeScript client (ARGS="-t resume")
	cd $(TS) && npm run --silent check && npm test --silent -- $(ARGS)
