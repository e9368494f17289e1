// Measures the model on this machine with onnxruntime-node, and writes the file for `edgekit bench import`.
//
//   node bench.mjs [--threads 1,2] [--seconds 10] [--warmup 1] [--out result.json]
//
// Prompts of 128 and of 512 tokens are read, then 64 tokens written, for so many seconds and at least five times each.
// Every number of threads is measured in a process of its own, so that its peak of memory is its own.
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

import { deviceResult, measure } from "./js/benchmark.js";

const { values } = parseArgs({
  options: {
    threads: { type: "string", default: "1,2" },
    seconds: { type: "string", default: "10" },
    warmup: { type: "string", default: "1" },
    out: { type: "string", default: "result.json" },
    row: { type: "boolean", default: false },
  },
});
const ways = values.threads.split(",").map(Number);
const [minimumSeconds, warmup] = [Number(values.seconds), Number(values.warmup)];
if (![...ways, minimumSeconds, warmup].every((value) => value >= 0) || ways.some((n) => !Number.isInteger(n) || !n)) {
  console.error("Give numbers: --threads 1,2 --seconds 10 --warmup 1");
  process.exit(2);
}

if (values.row) {
  const golden = await readFile(new URL("test/generation-golden.txt", import.meta.url), "utf8");
  console.log(JSON.stringify(await measure(golden, { threads: ways[0] }, { minimumSeconds, warmup })));
} else {
  const rows = [];
  for (const threads of ways) {
    const words = ["--row", "--threads", `${threads}`, "--seconds", values.seconds, "--warmup", values.warmup];
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url), ...words]);
    const row = JSON.parse(stdout);
    rows.push(row);
    const told = row.generation?.map(({ prompt_tokens, first_token_p50_ms, tokens_per_second, tokens_per_second_sd }) =>
      `${prompt_tokens} tokens of prompt: first after ${first_token_p50_ms.toFixed(1)} ms, then `
      + `${tokens_per_second.toFixed(1)} ± ${tokens_per_second_sd.toFixed(1)} a second`);
    console.log(`${threads} ${threads === 1 ? "thread" : "threads"}: ${told?.join("; ") ?? row.not_measured}`);
  }
  await writeFile(values.out, `${JSON.stringify(await deviceResult(rows), null, 2)}\n`);
  console.log(values.out);
}
