/** The golden files that the Python, TypeScript and Java clients all read. */
import { readFileSync, readdirSync } from "node:fs";

const FOLDER = new URL("../../../tests/golden/", import.meta.url);

export interface GoldenRun {
  name: string;
  run: string;
  events: { id: string; event: string; data: Record<string, unknown> }[];
  sse: string;
  frames: string[];
  text: string;
  state: Record<string, unknown>;
  states: Record<string, unknown>[];
}

export interface GoldenSse {
  name: string;
  input_base64: string;
  events: { event: string; data: string; id: string }[];
  last_event_id: string;
  retry_ms: number | null;
}

export function read<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(path, FOLDER), "utf8")) as T;
}

export function readAll<T>(folder: string): T[] {
  return readdirSync(new URL(folder, FOLDER)).sort().map((name) => read<T>(`${folder}/${name}`));
}
