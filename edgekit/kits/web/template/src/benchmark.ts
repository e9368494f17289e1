/**
 * edgekit's measuring protocol for one device: batch 1, one text after the other.
 *
 * Every text is timed twice: as tokens that were made beforehand, and from the text itself, end to end. Texts are
 * gone through as often as it takes to fill the minimum duration, at least once.
 */

import { thisDevice, type Device } from "./device.js";
import { Engine } from "./engine.js";
import { inNode, openFiles, type Kit } from "./files.js";
import { argmax } from "./numbers.js";
import type { Options } from "./options.js";
import type { Encoding } from "./tokenizer/tokenizer.js";
import { characters, fromHex } from "./tokenizer/tables.js";

/** A text, and the verified output for it, row after row. */
export interface Sample {
  readonly text: string;
  readonly pair?: string;
  /** The model's inputs by name. */
  readonly tokens: Readonly<Record<string, readonly number[]>>;
  readonly output: readonly number[];
  /** The number of every word's tag; null: no token of it was read. */
  readonly tags?: readonly (number | null)[];
}

/** How long is measured. */
export interface Protocol {
  readonly minimumSeconds?: number;
  /** Untimed runs before the first timed one. */
  readonly warmup?: number;
}

/** A row of a result; docs/device-result.schema.json of edgekit describes it. */
export type Row = Readonly<Record<string, unknown>> & { readonly p50_ms?: number; readonly not_measured: string };

/** The content of a file for `edgekit bench import`. */
export interface DeviceResult {
  readonly format: "edgekit device result 1.0";
  readonly date_utc: string;
  readonly artifact: Kit["artifact"];
  readonly kit: { readonly platform: "web"; readonly edgekit_version: string };
  readonly device: Device;
  readonly rows: readonly Row[];
}

/** Reads the content of samples.json, whose texts are UTF-8 in hex. */
export function readSamples(json: string): Sample[] {
  const text = (hex: string): string => characters(fromHex(hex)).join("");
  return (JSON.parse(json) as { samples: Sample[] }).samples.map((sample) => ({
    ...sample, text: text(sample.text), ...(sample.pair === undefined ? {} : { pair: text(sample.pair) }),
  }));
}

/** One way of running the model; what can't be measured is a row that says why. */
export async function measure(
  samples: readonly Sample[], options: Options = {}, protocol: Protocol = {},
): Promise<Row> {
  const { minimumSeconds = 10, warmup = 20 } = protocol;
  const row = {
    protocol: "device: batch 1, one model, in turn", runtime: "none", compute_units: inNode ? "cpu" : "wasm",
    texts: samples.length, minimum_seconds: minimumSeconds,
  };
  let engine: Engine | undefined;
  try {
    const began = performance.now();
    engine = await Engine.load(options);
    const load_ms = performance.now() - began;
    const used = { ...row, runtime: engine.runtime, threads: engine.threads };
    const tokens = samples.map(({ text, pair }) => (engine as Engine).encode(text, pair));
    const answers = await compare(engine, samples, tokens);
    for (let i = 0; i < warmup; i++) await engine.run(tokens[i % tokens.length] as Encoding);
    const { run, endToEnd, passes } = await time(engine, samples, tokens, minimumSeconds);
    return {
      ...used, warmup, runs: run.length, load_ms,
      pass_seconds: percentile(passes, 50) / 1000,
      p50_ms: percentile(run, 50), p90_ms: percentile(run, 90), p99_ms: percentile(run, 99),
      end_to_end_p50_ms: percentile(endToEnd, 50),
      end_to_end_p90_ms: percentile(endToEnd, 90),
      end_to_end_p99_ms: percentile(endToEnd, 99),
      peak_bytes: inNode ? (await import("./node.js")).peakBytes() : null,
      answers,
      not_measured: inNode ? "" : "peak memory: a page can't read it",
    };
  } catch (error) {
    options.signal?.throwIfAborted();
    return { ...row, warmup: 0, runs: 0, not_measured: error instanceof Error ? error.message : String(error) };
  } finally {
    await engine?.close();
  }
}

/** Rows that were measured on this device, as one result. */
export async function deviceResult(rows: readonly Row[], options: Options = {}): Promise<DeviceResult> {
  const { kit } = await openFiles(options);
  return {
    format: "edgekit device result 1.0",
    date_utc: `${new Date().toISOString().slice(0, 19)}Z`,
    artifact: kit.artifact,
    kit: { platform: "web", edgekit_version: kit.edgekit_version },
    device: await thisDevice(),
    rows,
  };
}

/** Milliseconds. */
async function time(engine: Engine, samples: readonly Sample[], tokens: readonly Encoding[], minimumSeconds: number) {
  const [run, endToEnd, passes]: [number[], number[], number[]] = [[], [], []];
  const began = performance.now();
  do {
    let pass = 0;
    for (const [i, { text, pair }] of samples.entries()) {
      const start = performance.now();
      await engine.run(tokens[i] as Encoding);
      const middle = performance.now();
      await engine.run(engine.encode(text, pair));
      endToEnd.push(performance.now() - middle);
      run.push(middle - start);
      pass += middle - start;
    }
    passes.push(pass);
  } while (performance.now() - began < 1000 * minimumSeconds);
  return { run, endToEnd, passes };
}

/** The device's answers beside the verified ones. */
async function compare(engine: Engine, samples: readonly Sample[], tokens: readonly Encoding[]) {
  let [error, agreed] = [0, 0];
  for (const [i, { output }] of samples.entries()) {
    const given = await engine.run(tokens[i] as Encoding);
    if (given.length !== output.length || !given.every(Number.isFinite)) {
      throw new Error(`The model gave no ${output.length} finite numbers.`);
    }
    output.forEach((expected, n) => (error = Math.max(error, Math.abs(expected - (given[n] ?? NaN)))));
    if (argmax(given) === argmax(output)) agreed++;
  }
  const named = engine.kit.artifact.task === "text-classification";
  return { samples: samples.length, max_abs_error: error, label_agreement: named ? agreed / samples.length : null };
}

/** The value below which `percent` of the values lie, between two neighbours in proportion (as NumPy's default). */
function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (percent / 100) * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? NaN;
  return below + ((sorted[Math.ceil(place)] ?? NaN) - below) * (place % 1);
}
