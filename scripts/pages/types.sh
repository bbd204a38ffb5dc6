#!/usr/bin/env bash
# Checks the playground's scripts against the types of the TypeScript client they are built on. Writes nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
page=service/oricode_service/pages/playground
tsc=clients/typescript/node_modules/.bin/tsc

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$page"/*.js "$work"
rm "$work/oricode-client.js" # the bundle, whose types are those of its sources
"$tsc" -p clients/typescript/tsconfig.build.json --outDir "$work/oricode-client"
echo 'export * from "./oricode-client/index.js";' >"$work/oricode-client.d.ts"
cat >"$work/tsconfig.json" <<'JSON'
{
  "compilerOptions": {
    "target": "es2023", "lib": ["es2023", "dom", "dom.iterable", "dom.asynciterable"],
    "module": "esnext", "moduleResolution": "bundler",
    "allowJs": true, "checkJs": true, "strict": true, "noEmit": true, "types": [],
    "noUnusedLocals": true, "noFallthroughCasesInSwitch": true, "skipLibCheck": true
  },
  "include": ["*.js"]
}
JSON
"$tsc" -p "$work"
echo 'pages: types are right'
