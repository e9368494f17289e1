/** The kit gives the samples and the answers that were verified in Python. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { AudioEngine } from "../js/audio/engine.js";
import { prepare } from "../js/audio/prepare.js";
import { clipOf } from "../js/audio/source.js";
import { readSamples } from "../js/benchmark.js";
import { AudioClassifier, readWav } from "../js/index.js";

/** Of sums of floating-point numbers in another order. */
const CLOSE = 1e-6;
/** Of other processors' rounding; the same one gives equal bits. */
const TOLERANCE = 1e-3;

const read = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const samples = readSamples(read("samples.json"));
const engine = await AudioEngine.load({ threads: 1 });
const classifier = await AudioClassifier.load({ threads: 1 });

const bytesOf = (base64) => new DataView(Uint8Array.from(Buffer.from(base64, "base64")).buffer);

/** The high halves of Marsaglia's xorshift32 (2003): channels of noise, frame after frame. */
function noise(seed, channels, frames) {
  const made = Array.from({ length: channels }, () => new Float32Array(frames));
  for (let i = 0, state = seed; i < channels * frames; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    made[i % channels][Math.floor(i / channels)] = (state >> 16) / 32_768;
  }
  return made;
}

test("golden clips get the samples of the original", (context) => {
  const lines = read("golden.txt").split("\n").slice(0, -1);
  let worst = 0;
  for (const line of lines) {
    const [numbers, values] = [line.split(" ").slice(0, -1).map(Number), bytesOf(line.split(" ").at(-1))];
    const [seed, channels, frames, rate, sampling_rate, count, step] = numbers;
    const given = clipOf({ samples: noise(seed, channels, frames), sampleRate: rate });
    const made = prepare(given, { sampling_rate, samples: count });
    assert.equal(made.length, count);
    assert.equal(values.byteLength / 4, Math.ceil(count / step));
    for (let i = 0; i < values.byteLength / 4; i++) {
      worst = Math.max(worst, Math.abs(made[i * step] - values.getFloat32(4 * i, true)));
    }
    assert.ok(worst <= CLOSE, `${worst} in ${numbers}`);
  }
  context.diagnostic(`golden clips: ${lines.length}, largest difference of a sample: ${worst}`);
  assert.ok(lines.length > 0);
});

test("the model gives the verified outputs", async (context) => {
  let worst = 0;
  for (const sample of samples) {
    const given = await engine.run(sample.audio);
    assert.equal(given.length, sample.output.length);
    sample.output.forEach((value, i) => (worst = Math.max(worst, Math.abs(value - given[i]))));
  }
  context.diagnostic(`largest difference of an output: ${worst}`);
  assert.ok(worst <= TOLERANCE, `${worst}`);
});

test("answers are the verified probabilities", async (context) => {
  let worst = 0;
  for (const sample of samples) {
    const answer = await classifier.classify(sample.audio);
    assert.deepEqual(new Set(Object.keys(answer)), new Set(classifier.allLabels));
    const powers = sample.output.map((logit) => Math.exp(logit - Math.max(...sample.output)));
    const sum = powers.reduce((a, b) => a + b);
    classifier.allLabels.forEach((label, i) => (worst = Math.max(worst, Math.abs(answer[label] - powers[i] / sum))));
    const [best] = await classifier.top(sample.audio);
    assert.equal(best.probability, Math.max(...Object.values(answer)));
  }
  context.diagnostic(`largest difference of a probability: ${worst}`);
  assert.ok(worst <= TOLERANCE, `${worst}`);
});

test("many may ask at once", async () => {
  const alone = [];
  for (const sample of samples) alone.push(await classifier.classify(sample.audio));
  assert.deepEqual(await Promise.all(samples.map((sample) => classifier.classify(sample.audio))), alone);
});

test("what is no clip is refused", async () => {
  const [one, two] = [new Float32Array(1), new Float32Array(2)];
  for (const given of [[new Float32Array(0), 8000], [[], 8000], [one, 0], [one, 8000.5], [one, 1e6], [one, NaN]]) {
    await assert.rejects(classifier.classify({ samples: given[0], sampleRate: given[1] }), /are no clip/);
  }
  await assert.rejects(classifier.classify({ samples: [one, two], sampleRate: 8000 }), /not of one length/);
  for (const bytes of [[], [...Buffer.from("RIFF----WAVE")]]) {
    assert.throws(() => readWav(Uint8Array.from(bytes)), /WAV file/);
  }
});

test("a closed one refuses, and what is not there is named", async () => {
  const other = await AudioClassifier.load({ threads: 1 });
  const pending = other.classify(samples[0].audio);
  await Promise.all([other.close(), other.close()]);
  await pending;
  await assert.rejects(other.classify(samples[0].audio), /closed/);
  await assert.rejects(AudioClassifier.load({ files: "/nowhere" }), /nowhere\/kit\.json.*Serve the kit/s);
});
