import assert from "node:assert/strict";
import { test } from "node:test";

import { Tagger } from "../js/index.js";
import { samples } from "./samples.mjs";

test("tags are the verified ones", async () => {
  const tagger = await Tagger.load();
  const names = tagger.allLabels;
  for (const { text, tags } of samples) {
    const words = await tagger.tag(text);
    assert.deepEqual(words.map(({ label }) => label), tags.map((tag) => (tag === null ? null : names[tag])), text);
  }
  await tagger.close();
});
