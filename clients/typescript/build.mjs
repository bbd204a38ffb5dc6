/** Writes dist/oricode-client.js, and says how large it is for a page that loads it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { bundle } from "./bundle.mjs";

const code = await bundle();
mkdirSync(new URL("dist", import.meta.url), { recursive: true });
writeFileSync(new URL("dist/oricode-client.js", import.meta.url), code);
console.log(`dist/oricode-client.js: ${gzipSync(code).length} bytes gzipped`);
