/** The kit gives the pixels and the answers that were verified in Python. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ImageEngine } from "../js/images/engine.js";
import { prepare } from "../js/images/prepare.js";
import { ImageClassifier } from "../js/index.js";

/** Of other processors' rounding; the same one gives equal bits. */
const TOLERANCE = 1e-3;

const read = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const { samples } = JSON.parse(read("samples.json"));
const image = ({ width, height, rgb }) => ({ width, height, data: Buffer.from(rgb, "base64") });
const engine = await ImageEngine.load({ threads: 1 });
const classifier = await ImageClassifier.load({ threads: 1 });

/** CRC-32, RFC 1952. */
function checksum(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

test("golden images get the pixels of the original", () => {
  const lines = read("golden.txt").split("\n").slice(0, -1);
  assert.ok(lines.length > 0);
  for (const line of lines) {
    const [width, height, shortest_edge, size, rgba, crc, pixels] = line.split(" ");
    const data = Buffer.from(rgba, "base64");
    const given = { width: Number(width), height: Number(height), data };
    const made = prepare(given, { size: Number(size), shortest_edge: Number(shortest_edge) });
    assert.equal(checksum(made), Number(crc), line.slice(0, 40));
    if (pixels !== "-") assert.equal(Buffer.from(made).toString("base64"), pixels);
    const opaque = { ...given, data: data.filter((_, i) => i % 4 !== 3) };
    assert.deepEqual(prepare(opaque, { size: Number(size), shortest_edge: Number(shortest_edge) }), made);
  }
});

test("the model gives the verified outputs", async (context) => {
  let worst = 0;
  for (const sample of samples) {
    const given = await engine.run(image(sample));
    assert.equal(given.length, sample.output.length);
    sample.output.forEach((value, i) => (worst = Math.max(worst, Math.abs(value - given[i]))));
  }
  context.diagnostic(`largest difference of an output: ${worst}`);
  assert.ok(worst <= TOLERANCE, `${worst}`);
});

test("answers are the verified probabilities", async (context) => {
  let worst = 0;
  for (const sample of samples) {
    const answer = await classifier.classify(image(sample));
    assert.deepEqual(new Set(Object.keys(answer)), new Set(classifier.allLabels));
    const powers = sample.output.map((logit) => Math.exp(logit - Math.max(...sample.output)));
    const sum = powers.reduce((a, b) => a + b);
    classifier.allLabels.forEach((label, i) => (worst = Math.max(worst, Math.abs(answer[label] - powers[i] / sum))));
    const [best] = await classifier.top(image(sample));
    assert.equal(best.probability, Math.max(...Object.values(answer)));
  }
  context.diagnostic(`largest difference of a probability: ${worst}`);
  assert.ok(worst <= TOLERANCE, `${worst}`);
});

test("many may ask at once", async () => {
  const alone = [];
  for (const sample of samples) alone.push(await classifier.classify(image(sample)));
  assert.deepEqual(await Promise.all(samples.map((sample) => classifier.classify(image(sample)))), alone);
});

test("what is no image is refused", async () => {
  for (const [width, height, values] of [[2, 2, 5], [0, 0, 0], [0.5, 2, 4], [2, 2, 8]]) {
    const given = { width, height, data: new Uint8Array(values) };
    await assert.rejects(classifier.classify(given), /are no image of/);
  }
});

test("a closed one refuses, and what is not there is named", async () => {
  const other = await ImageClassifier.load({ threads: 1 });
  const pending = other.classify(image(samples[0]));
  await Promise.all([other.close(), other.close()]);
  await pending;
  await assert.rejects(other.classify(image(samples[0])), /closed/);
  await assert.rejects(ImageClassifier.load({ files: "/nowhere" }), /nowhere\/kit\.json.*Serve the kit/s);
});
