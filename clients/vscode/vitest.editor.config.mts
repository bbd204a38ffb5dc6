import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Tests that drive a real window: generous waits; two files at a time, as each waits most of its time. */
export default defineConfig({
  resolve: { alias: { "@oricode/client": fileURLToPath(new URL("../typescript/src/index.ts", import.meta.url)) } },
  test: {
    include: ["test/editor/**/*.test.ts"],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: "forks",
    maxWorkers: 2,
    reporters: ["verbose"],
  },
});
