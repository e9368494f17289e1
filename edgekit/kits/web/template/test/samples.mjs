import { readFileSync } from "node:fs";

import { readSamples } from "../js/benchmark.js";

/** Texts, and what was verified for them. */
export const samples = readSamples(readFileSync(new URL("samples.json", import.meta.url), "utf8"));

/** Of other processors' rounding; the same one gives equal bits. */
export const TOLERANCE = 1e-3;
