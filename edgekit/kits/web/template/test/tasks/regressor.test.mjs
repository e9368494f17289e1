import assert from "node:assert/strict";
import { test } from "node:test";

import { Regressor } from "../js/index.js";
import { samples, TOLERANCE } from "./samples.mjs";

test("values are the verified ones", async () => {
  const regressor = await Regressor.load();
  for (const { text, pair, output } of samples) {
    assert.ok(Math.abs((await regressor.predict(text, pair)) - output[0]) <= TOLERANCE);
  }
  await regressor.close();
});
