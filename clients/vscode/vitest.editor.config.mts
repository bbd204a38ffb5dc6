import { defineConfig } from "vitest/config";

/** Tests that drive a real window: one at a time, generous waits, one more try. */
export default defineConfig({
  test: {
    include: ["test/editor/**/*.test.ts"],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    retry: 1,
    fileParallelism: false,
    pool: "forks",
    maxWorkers: 1,
    reporters: ["verbose"],
  },
});
