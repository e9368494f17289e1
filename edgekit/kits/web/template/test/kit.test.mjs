/** The kit gives the tokens and the outputs that were verified in Python. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Engine } from "../js/engine.js";
import { samples, TOLERANCE } from "./samples.mjs";

const engine = await Engine.load({ threads: 1 });

test("golden texts get the tokens of the original", () => {
  const text = (word) => (word === "-" ? undefined : Buffer.from(word.slice(1), "hex").toString());
  const lines = readFileSync(new URL("golden.txt", import.meta.url), "ascii").split("\n").slice(0, -1);
  assert.ok(lines.length > 0);
  for (const line of lines) {
    const [first, second, ids, types] = line.split(" ");
    const made = engine.encode(text(first), text(second));
    assert.deepEqual([made.ids.join(), made.typeIds.join()], [ids, types], line);
  }
});

test("recorded texts get the recorded tokens", () => {
  for (const sample of samples) {
    const { ids, typeIds, mask } = engine.encode(sample.text, sample.pair);
    const made = { input_ids: ids, token_type_ids: typeIds, attention_mask: mask };
    for (const [name, expected] of Object.entries(sample.tokens)) assert.deepEqual(made[name], expected, name);
  }
});

test("the model gives the verified outputs", async (context) => {
  let worst = 0;
  for (const sample of samples) {
    const given = await engine.run(engine.encode(sample.text, sample.pair));
    assert.equal(given.length, sample.output.length);
    sample.output.forEach((value, i) => (worst = Math.max(worst, Math.abs(value - given[i]))));
  }
  context.diagnostic(`largest difference of an output: ${worst}`);
  assert.ok(worst <= TOLERANCE, `${worst}`);
});

test("many may ask at once", async () => {
  const ask = (sample) => engine.run(engine.encode(sample.text, sample.pair));
  const alone = [];
  for (const sample of samples) alone.push(await ask(sample));
  assert.deepEqual(await Promise.all(samples.map(ask)), alone);
});

test("a closed one refuses", async () => {
  const other = await Engine.load({ threads: 1 });
  const tokens = other.encode("a");
  const pending = other.run(tokens);
  await Promise.all([other.close(), other.close()]);
  await pending;
  await assert.rejects(other.run(tokens), /closed/);
});

test("what is not there is named, with a remedy", async () => {
  await assert.rejects(Engine.load({ files: "/nowhere" }), /nowhere\/kit\.json.*Serve the kit/s);
  await assert.rejects(Engine.load({ signal: AbortSignal.abort() }), { name: "AbortError" });
});
