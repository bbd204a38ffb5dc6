import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { "@oricode/client": fileURLToPath(new URL("../typescript/src/index.ts", import.meta.url)) } },
  test: { include: ["test/unit/**/*.test.ts"], testTimeout: 20_000, pool: "threads", maxWorkers: 1 },
});
