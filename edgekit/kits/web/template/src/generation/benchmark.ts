/**
 * edgekit's measuring protocol for a decoder on one device: a prompt of 128 and of 512 tokens is read, then 64 tokens
 * are written, each time the likeliest. Tokenizing is left out, as everybody does.
 */

import { inNode, openFiles } from "../files.js";
import { argmax } from "../numbers.js";
import type { Options } from "../options.js";
import { percentile, type Protocol, type Row } from "../protocol.js";
import { openSession, type Opened } from "../session.js";
import { openTokenizer } from "../tokenizer/open.js";
import { Decoder } from "./decoder.js";
import { GenerationTables } from "./tables.js";

export { deviceResult, type DeviceResult, type Protocol, type Row } from "../protocol.js";

const [PROMPTS, NEW_TOKENS, LEAST_RUNS] = [[128, 512], 64, 5];
/** Logits that another processor's way of rounding may move: after such a near tie texts may go apart. */
const TIE = 0.1;

/**
 * One way of running the model; what can't be measured is a row that says why.
 *
 * @param golden the content of generation-golden.txt, whose prompts are read one after the other.
 * @param protocol for how long each length of prompt is measured, at least five times, after untimed texts.
 */
export async function measure(golden: string, options: Options = {}, protocol: Protocol = {}): Promise<Row> {
  const { minimumSeconds = 10, warmup = 1 } = protocol;
  const row = {
    protocol: "llm 1.0: a prompt, then 64 tokens one by one, each the likeliest", runtime: "none",
    compute_units: options.providers?.join("+") ?? (inNode ? "cpu" : "wasm"),
    texts: 1, minimum_seconds: minimumSeconds,
  };
  let opened: Opened | undefined;
  try {
    const began = performance.now();
    const files = await openFiles(options);
    const [session, generation, pieces] = await Promise.all([
      openSession(files, options), files.text("generation.txt"), files.text("pieces.txt"), openTokenizer(files),
    ]);
    opened = session;
    const tables = new GenerationTables(generation, pieces);
    const decoder = new Decoder(opened, tables);
    const load_ms = performance.now() - began;
    const vectors = golden.split("\n").map((line) => line.split(" "));
    const answers = await compare(decoder, tables, vectors, opened.native);
    const ids = vectors.filter(([kind]) => kind === "prompt").flatMap(([, , word]) => numbers(word));
    const generations = [];
    for (const length of lengths(tables.context)) {
      const prompt = Array.from({ length }, (_, i) => ids[i % ids.length] ?? 0);
      generations.push(await timed(decoder, prompt, tables.context, minimumSeconds, warmup, options.signal));
    }
    return {
      ...row, runtime: opened.runtime, threads: opened.threads, warmup,
      runs: generations.reduce((sum, { runs }) => sum + runs, 0), load_ms,
      peak_bytes: inNode ? (await import("../node.js")).peakBytes() : null,
      answers, generation: generations,
      not_measured: "the time of a whole answer: it grows with the tokens that are written"
        + (inNode ? "" : "; peak memory: a page can't read it"),
    };
  } catch (error) {
    options.signal?.throwIfAborted();
    return { ...row, warmup: 0, runs: 0, not_measured: error instanceof Error ? error.message : String(error) };
  } finally {
    await opened?.session.release();
  }
}

/** The prompts that leave room to write; half of the context where none does. */
function lengths(context: number): number[] {
  const fitting = PROMPTS.filter((length) => length + NEW_TOKENS < context);
  return fitting.length ? fitting : [Math.max(context >> 1, 1)];
}

/** A prompt's figures, as the result has them. */
async function timed(
  decoder: Decoder, prompt: readonly number[], context: number, minimumSeconds: number, warmup: number,
  signal?: AbortSignal,
) {
  const count = Math.min(NEW_TOKENS, context - prompt.length - 1);
  for (let i = 0; i < warmup; i++) await once(decoder, prompt, count);
  const [firsts, nexts, rates]: [number[], number[], number[]] = [[], [], []];
  const began = performance.now();
  do {
    signal?.throwIfAborted();
    const [first, next] = await once(decoder, prompt, count);
    firsts.push(first);
    nexts.push(...next);
    rates.push((1000 * count) / next.reduce((sum, ms) => sum + ms, 0));
  } while (rates.length < LEAST_RUNS || performance.now() - began < 1000 * minimumSeconds);
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const squares = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0);
  return {
    prompt_tokens: prompt.length, new_tokens: count, runs: rates.length,
    first_token_p50_ms: percentile(firsts, 50), first_token_p90_ms: percentile(firsts, 90),
    tokens_per_second: percentile(rates, 50), tokens_per_second_sd: Math.sqrt(squares / (rates.length - 1)),
    next_token_p50_ms: percentile(nexts, 50), next_token_p99_ms: percentile(nexts, 99),
  };
}

/** Milliseconds until the first token is known, and for each of `count` after it. */
async function once(decoder: Decoder, prompt: readonly number[], count: number): Promise<[number, number[]]> {
  decoder.forget();
  const [text, next, most]: [number[], number[], number] = [[...prompt], [], prompt.length + count + 1];
  const read = async (): Promise<number> => {
    const start = performance.now();
    text.push(argmax(await decoder.read(text, most)));
    return performance.now() - start;
  };
  const first = await read();
  for (let i = 0; i < count; i++) next.push(await read());
  return [first, next];
}

/** Of the verified continuations, what this device wrote too. */
async function compare(
  decoder: Decoder, tables: GenerationTables, vectors: readonly (readonly string[])[], native: boolean,
) {
  // What WebAssembly writes, which does not round the products' inputs, where that was recorded.
  const own = vectors.filter(([kind]) => kind === "greedy-float");
  const known = native || !own.length ? vectors.filter(([kind]) => kind === "greedy") : own;
  let [same, expected] = [0, 0];
  for (const [, word, margins, prompt] of known) {
    const [tokens, text] = [numbers(word), numbers(prompt)];
    const most = text.length + tokens.length;
    let equal = 0;
    while (equal < tokens.length) {
      const token = argmax(await decoder.read(text, most));
      if (token !== tokens[equal]) break;
      equal++;
      text.push(token);
      if (tables.stop.has(token)) break;
    }
    same += equal;
    expected += (numbers(margins)[equal] ?? Infinity) < TIE ? equal : tokens.length;
  }
  return known.length ? { samples: known.length, token_agreement: expected ? same / expected : null } : null;
}

const numbers = (word = "-"): number[] => (word === "-" ? [] : word.split(",").map(Number));
