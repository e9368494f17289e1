/** Measures one row and posts it. */
import { measure, readSamples } from "../js/benchmark.js";
import { runtime } from "./runtime.js";

addEventListener("message", async ({ data: { samples, threads, minimumSeconds } }) => {
  postMessage(await measure(readSamples(samples), { threads, onnxruntime: await runtime() }, { minimumSeconds }));
});
