import assert from "node:assert/strict";
import { test } from "node:test";

import { Embedder } from "../js/index.js";
import { samples, TOLERANCE } from "./samples.mjs";

test("vectors are the verified ones", async () => {
  const embedder = await Embedder.load();
  for (const { text, output } of samples) {
    const vector = await embedder.embed(text);
    output.forEach((value, i) => assert.ok(Math.abs(value - vector[i]) <= TOLERANCE));
    assert.ok(Math.abs((await embedder.similarity(text, text)) - 1) <= TOLERANCE);
  }
  await embedder.close();
});
