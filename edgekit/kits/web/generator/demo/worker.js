/**
 * The model, away from the page's thread. Takes `{ ask, options }` (a text, or messages), `{ stop: true }` and
 * `{ minimumSeconds }` to measure; posts `{ ready }` once, then for each text `{ piece }`s and `{ written }`, or
 * `{ problem }`, and `{ result }` of a measurement.
 */
import { deviceResult, measure } from "../js/benchmark.js";
import { Generator } from "../js/index.js";
import { runtime } from "./runtime.js";

const plain = ({ fact, message, remedy }) => ({ problem: { fact: fact ?? message, remedy } });
let model;
let controller;

addEventListener("message", async ({ data: { ask, options, stop, minimumSeconds } }) => {
  if (stop) return controller?.abort();
  controller = new AbortController();
  if (minimumSeconds !== undefined) return measureHere(minimumSeconds, controller.signal);
  try {
    const settings = { ...options, signal: controller.signal };
    const pieces = typeof ask === "string" ? model.generate(ask, settings) : model.chat(ask, settings);
    for await (const piece of pieces) postMessage({ piece });
    postMessage({ written: model.last });
  } catch (error) {
    postMessage(error.name === "AbortError" ? { written: null } : plain(error));
  }
});

/** The model is opened anew for it, and again afterwards: a device may have no room for two. */
async function measureHere(minimumSeconds, signal) {
  try {
    const golden = await (await fetch(new URL("../test/generation-golden.txt", import.meta.url))).text();
    const onnxruntime = await runtime();
    await model.close();
    const row = await measure(golden, { onnxruntime, signal }, { minimumSeconds }).catch((error) => error);
    model = await Generator.load({ onnxruntime });
    if (row instanceof Error) throw row;
    postMessage({ result: await deviceResult([row]) });
  } catch (error) {
    postMessage({ result: null, ...(error.name === "AbortError" ? {} : plain(error)) });
  }
}

try {
  model = await Generator.load({ onnxruntime: await runtime() });
  const { hasChat, threads, runtime: name, context } = model;
  const used = performance.getEntriesByType("resource").map((entry) => entry.name);
  postMessage({ ready: { hasChat, threads, runtime: name, context, used: [import.meta.url, ...used] } });
} catch (error) {
  postMessage(plain(error));
}
