import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Tests that drive a real window: one at a time, generous waits. */
export default defineConfig({
  resolve: { alias: { "@oricode/client": fileURLToPath(new URL("../typescript/src/index.ts", import.meta.url)) } },
  test: {
    include: ["test/editor/**/*.test.ts"],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    fileParallelism: false,
    pool: "forks",
    maxWorkers: 1,
    reporters: ["verbose"],
  },
});
