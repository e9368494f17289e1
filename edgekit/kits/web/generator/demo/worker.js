/**
 * The model, away from the page's thread. Takes `{ ask, options }` (a text, or messages) and `{ stop: true }`; posts
 * `{ ready }` once, then for each text `{ piece }`s and `{ written }`, or `{ problem }`.
 */
import { Generator } from "../js/index.js";
import { runtime } from "./runtime.js";

const plain = ({ fact, message, remedy }) => ({ problem: { fact: fact ?? message, remedy } });
let model;
let controller;

addEventListener("message", async ({ data: { ask, options, stop } }) => {
  if (stop) return controller?.abort();
  controller = new AbortController();
  try {
    const settings = { ...options, signal: controller.signal };
    const pieces = typeof ask === "string" ? model.generate(ask, settings) : model.chat(ask, settings);
    for await (const piece of pieces) postMessage({ piece });
    postMessage({ written: model.last });
  } catch (error) {
    postMessage(error.name === "AbortError" ? { written: null } : plain(error));
  }
});

try {
  model = await Generator.load({ onnxruntime: await runtime() });
  const { hasChat, threads, runtime: name, context } = model;
  const used = performance.getEntriesByType("resource").map((entry) => entry.name);
  postMessage({ ready: { hasChat, threads, runtime: name, context, used: [import.meta.url, ...used] } });
} catch (error) {
  postMessage(plain(error));
}
