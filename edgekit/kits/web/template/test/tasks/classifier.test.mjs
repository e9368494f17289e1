import assert from "node:assert/strict";
import { test } from "node:test";

import { Classifier } from "../js/index.js";
import { samples, TOLERANCE } from "./samples.mjs";

test("answers are the verified probabilities", async () => {
  const classifier = await Classifier.load();
  const labels = classifier.allLabels;
  for (const { text, pair, output } of samples) {
    const answer = await classifier.classify(text, pair);
    assert.deepEqual(new Set(Object.keys(answer)), new Set(labels));
    const powers = output.map((logit) => Math.exp(logit - Math.max(...output)));
    const sum = powers.reduce((a, b) => a + b);
    labels.forEach((label, i) => assert.ok(Math.abs(answer[label] - powers[i] / sum) <= TOLERANCE, label));
    const [best] = await classifier.top(text, 1, pair);
    assert.equal(best.probability, Math.max(...Object.values(answer)));
    assert.equal(answer[best.label], best.probability);
  }
  await classifier.close();
});
