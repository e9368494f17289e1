import assert from "node:assert/strict";
import { test } from "node:test";

import { Classifier } from "../js/index.js";
import { samples, TOLERANCE } from "./samples.mjs";

test("answers are the verified probabilities", async () => {
  const classifier = await Classifier.load();
  const every = classifier.allLabels;
  for (const { text, pair, output } of samples) {
    const answer = await classifier.classify(text, pair);
    every.forEach((label, i) => {
      assert.ok(Math.abs(answer[label] - 1 / (1 + Math.exp(-output[i]))) <= TOLERANCE, label);
    });
    const chosen = every.filter((label) => answer[label] > 0.5);
    assert.deepEqual(await classifier.labels(text, 0.5, pair), chosen);
    assert.equal((await classifier.top(text, 2, pair)).length, Math.min(2, every.length));
  }
  await classifier.close();
});
