/** The kit gives the tokens, texts and choices that were recorded in Python, and writes what the model wrote there. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { choose, Random } from "../js/generation/sampling.js";
import { PieceStream } from "../js/generation/stream.js";
import { GenerationTables, textOf } from "../js/generation/tables.js";
import { Generator } from "../js/index.js";

/** Logits between two tokens that another processor's rounding may turn round. */
const CLOSE = 0.5;

const read = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const lines = (name) => read(name).split("\n").slice(0, -1);
const list = (word) => (word === "-" ? [] : word.split(","));
const vectors = lines("generation-golden.txt").map((line) => line.split(" "));
const of = (kind) => vectors.filter(([word]) => word === kind).map((words) => words.slice(1));
const tables = new GenerationTables(read("../model/generation.txt"), read("../model/pieces.txt"));
// ORT=web runs what browsers run.
const options = { threads: 1, ...(process.env.ORT === "web" ? { onnxruntime: await import("onnxruntime-web/wasm") } : {}) };
const model = await Generator.load(options);

async function all(pieces) {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}

test("golden texts get the tokens of the original", () => {
  const text = (word) => Buffer.from(word.slice(1), "hex").toString();
  const alone = lines("golden.txt").map((line) => line.split(" ")).filter(([, pair]) => pair === "-");
  assert.ok(alone.length > 0);
  for (const [first, , ids] of alone) assert.equal(model.tokens(text(first)).join(), ids);
});

test("prompts and conversations get the tokens of the original", () => {
  for (const [prompt, ids] of of("prompt")) assert.equal(model.tokens(textOf(prompt)).join(), ids);
  for (const [said, ids] of of("chat")) {
    const turns = said.split(",").map((turn) => turn.split(":"));
    assert.equal(model.tokens(turns.map(([role, content]) => ({ role, content: textOf(content) }))).join(), ids);
  }
});

test("tokens become text piece by piece", () => {
  assert.ok(of("stream").length > 0);
  for (const [stops, ids, texts] of of("stream")) {
    const stream = new PieceStream(tables, list(stops).map(textOf));
    const made = [...list(ids).map((id) => stream.add(Number(id))), stream.end()];
    assert.deepEqual(made, list(texts).map(textOf));
  }
});

test("tokens are chosen as in Python", () => {
  for (const [repetitionPenalty, temperature, topK, topP, minP, seed, seen, logits, ids] of of("choose")) {
    const sampling = Object.fromEntries(
      Object.entries({ repetitionPenalty, temperature, topK, topP, minP }).map(([name, value]) => [name, Number(value)]));
    const random = new Random(Number(seed));
    const row = Float32Array.from(list(logits), Number);
    const draw = () => choose(row, sampling, list(seen).map(Number), random);
    assert.deepEqual(list(ids).map(draw), list(ids).map(Number));
  }
});

test("the model writes on as it did in Python", async (context) => {
  let same = 0;
  // What WebAssembly writes, which does not round the products' inputs, where that was recorded.
  const every = process.env.ORT === "web" && of("greedy-float").length ? of("greedy-float") : of("greedy");
  for (const [expected, margins, prompt] of every) {
    await all(model.write(list(prompt).map(Number), { maxTokens: list(expected).length }));
    const { tokens } = model.last;
    const different = list(expected).findIndex((id, i) => Number(id) !== tokens[i]);
    if (different < 0) same++;
    else assert.ok(Number(list(margins)[different]) < CLOSE, `${prompt}: ${tokens} for ${expected}`);
  }
  context.diagnostic(`continuations as in Python: ${same} of ${every.length}`);
});

test("a text that begins like the last one is read from there", async () => {
  const prompt = list(of("greedy")[0][2]).map(Number);
  const longer = [...prompt, ...prompt];
  const alone = await Generator.load(options);
  await all(alone.write(longer, { maxTokens: 4 }));
  await all(model.write(prompt, { maxTokens: 4 }));
  await all(model.write(longer, { maxTokens: 4 }));
  assert.ok(model.last.reusedTokens >= prompt.length);
  assert.equal(alone.last.reusedTokens, 0);
  assert.equal(model.last.tokens[0], alone.last.tokens[0]);
  await alone.close();
});

test("it can be left, stopped and seeded, and writes one text at a time", async () => {
  const [prompt] = of("prompt").map(([text]) => textOf(text));
  for await (const _ of model.generate(prompt, { maxTokens: 50 })) break;
  const controller = new AbortController();
  const stopped = all(model.generate(prompt, { maxTokens: 50, signal: controller.signal }));
  controller.abort();
  await assert.rejects(stopped, { name: "AbortError" });
  const drawn = { temperature: 1, topK: 40, seed: 7, maxTokens: 8 };
  const both = await Promise.all([all(model.generate(prompt, drawn)), all(model.generate(prompt, drawn))]);
  assert.equal(both[0], both[1]);
});

test("what can't be is refused, with a remedy", async () => {
  await assert.rejects(all(model.generate("")), /empty/);
  await assert.rejects(all(model.write(new Array(model.context).fill(1), {})), /tokens, and the model holds/);
  await assert.rejects(all(model.generate("a", { topP: 2 })), /topP must be/);
  assert.throws(() => model.tokens([{ role: "assistant", content: "a" }]), /can't follow|no chat/);
  const other = await Generator.load(options);
  await Promise.all([other.close(), other.close()]);
  await assert.rejects(all(other.generate("a")), /closed/);
});
