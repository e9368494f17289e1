/** The button that measures: each number of threads in a worker of its own, so that the page stays usable. */
import { deviceResult } from "../js/benchmark.js";
import { element } from "./elements.js";

const at = (id) => document.getElementById(id);

/**
 * @param samples the content of samples.json.
 * @param what one of them is, and several: "text", "texts".
 */
export function measureDevice(samples, what) {
  const [measure, stop, progress, download] = ["measure", "stop", "progress", "download"].map(at);
  let worker;
  measure.disabled = false;
  measure.addEventListener("click", async () => {
    const minimumSeconds = Math.max(0, Number(at("seconds").value) || 0);
    measure.disabled = true;
    download.hidden = at("rows").hidden = true;
    stop.hidden = false;
    stop.focus();
    const rows = [];
    try {
      for (const threads of ways()) {
        progress.textContent = `Measuring with ${threads === 1 ? "1 thread" : `${threads} threads`} …`;
        worker = new Worker(new URL("bench-worker.js", import.meta.url), { type: "module" });
        rows.push(await answered(worker, { samples, threads, minimumSeconds }));
        worker.terminate();
      }
      const result = await deviceResult(rows);
      download.href = URL.createObjectURL(new Blob([JSON.stringify(result, null, 2)], { type: "application/json" }));
      download.download = "result.json";
      download.hidden = false;
      progress.textContent = "Measured.";
      showRows(rows, what);
    } catch (error) {
      progress.textContent = error.message;
    } finally {
      worker?.terminate();
      measure.disabled = false;
      stop.hidden = true;
      (download.hidden ? measure : download).focus();
    }
  });
  stop.addEventListener("click", () => worker?.dispatchEvent(new ErrorEvent("error", { message: "Stopped." })));
}

/** Numbers of threads: one, and as many as the device has cores, up to four. */
function ways() {
  const most = crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency || 1) : 1;
  return [1, 2, 4].filter((threads) => threads <= most);
}

function answered(worker, task) {
  return new Promise((resolve, reject) => {
    worker.addEventListener("message", ({ data }) => resolve(data), { once: true });
    worker.addEventListener("error", ({ message }) => reject(new Error(message || "The worker could not be started.")));
    worker.postMessage(task);
  });
}

function showRows(rows, [one, several]) {
  const ms = (value) => (value === undefined ? "–" : `${value.toFixed(1)} ms`);
  const cells = (name, values) => element("tr", {}, ...values.map((textContent) => element(name, { textContent })));
  const body = rows.map((row) => cells("td", row.answers
    ? [`${row.threads}`, ms(row.p50_ms), ms(row.p90_ms), ms(row.end_to_end_p50_ms),
      row.answers.max_abs_error.toExponential(1)]
    : [`${row.threads ?? "–"}`, row.not_measured, "", "", ""]));
  at("rows").replaceChildren(element("table", {},
    element("caption", { textContent: `Milliseconds for each ${one}, ${rows[0]?.texts} ${several} in turn` }),
    element("thead", {}, cells("th", ["Threads", "Model p50", "Model p90", "End to end p50", "Largest difference"])),
    element("tbody", {}, ...body)));
  at("rows").hidden = false;
}
