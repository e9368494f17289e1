/** The page: type a text, see the model's answer, how long it took, and measure the device. */
import { taskOf } from "./answers.js";
import { element } from "./elements.js";
import { keepForOffline } from "./offline.js";
import { measureDevice } from "./measuring.js";
import { runtime } from "./runtime.js";

const at = (id) => document.getElementById(id);
const [text, pair, answer, spoken] = ["text", "pair", "answer", "spoken"].map(at);
const FOR_MEASURING = ["", "js/benchmark.js", "js/device.js", "demo/bench-worker.js"]; // and the page itself
const PAUSE_MS = 120; // of typing, before the model is asked
const QUIET_MS = 900; // of typing, before a screen reader is told

async function start() {
  const response = await fetch("./model/kit.json", { cache: "no-cache" });
  if (!response.ok) {
    throw Object.assign(new Error(`model/kit.json could not be read (${response.status}).`), {
      remedy: "Serve the kit's whole folder: `node serve.mjs`.",
    });
  }
  const kit = await response.json();
  document.title = kit.name || document.title;
  at("name").textContent = kit.name;
  at("waiting").textContent = `Loading the model, ${megabytes(kit.artifact.size_bytes)} …`;
  const task = taskOf(kit.artifact.task);
  const model = await task.load({ onnxruntime: await runtime() });
  const samples = await (await fetch("./test/samples.json")).text();

  const facts = {
    "Answered in": "–",
    "Model size": megabytes(kit.artifact.size_bytes),
    Precision: kit.artifact.precision,
    Threads: `${model.threads}`,
    Runtime: model.runtime,
    "Without network": "not yet",
  };
  at("facts").append(...Object.entries(facts).map(([name, value]) =>
    element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: value }))));
  const [milliseconds, , , , , offline] = at("facts").querySelectorAll("dd");
  at("threads-off").hidden = crossOriginIsolated;
  at("second").hidden = !(task.two || kit.pairs);

  let number = 0;
  let told;
  const ask = async () => {
    const mine = ++number;
    clearTimeout(told);
    if (!text.value.trim()) return show(element("p", { className: "quiet", textContent: "Type a text above." }));
    const second = at("second").hidden || !pair.value ? undefined : pair.value;
    const from = performance.now();
    const { shown, spoken: words } = await task.ask(model, text.value, second);
    const took = performance.now() - from;
    if (mine !== number) return; // another text was typed meanwhile
    milliseconds.textContent = `${took.toFixed(1)} ms`;
    show(shown);
    told = setTimeout(() => (spoken.textContent = `${words}. ${took.toFixed(0)} milliseconds.`), QUIET_MS);
  };
  let pause;
  const soon = () => {
    clearTimeout(pause);
    pause = setTimeout(() => ask().catch(problem), PAUSE_MS);
  };
  for (const field of [text, pair]) {
    field.disabled = false;
    field.addEventListener("input", soon);
  }
  const examples = JSON.parse(samples).samples;
  let next = 0;
  at("example").disabled = false;
  at("example").addEventListener("click", () => {
    const example = examples[next++ % examples.length];
    text.value = fromHex(example.text);
    if (example.pair !== undefined) pair.value = fromHex(example.pair);
    ask().catch(problem);
  });
  at("form").addEventListener("submit", (event) => event.preventDefault());
  await ask();
  measureDevice(samples, ["text", "texts"]);
  document.documentElement.dataset.ready = "true";
  offline.textContent = await keepForOffline(kit, FOR_MEASURING).catch(({ message }) => `no: ${message}`);
}

function show(node) {
  answer.replaceChildren(node);
}

/** What went wrong, and what to do: in the page, and read out at once. */
function problem(error) {
  const remedy = error.remedy ?? "Load the page again; a current browser with WebAssembly is needed.";
  at("problem").replaceChildren(
    element("p", {}, element("strong", { textContent: error.fact ?? error.message })),
    element("p", { textContent: remedy }));
  at("problem").hidden = false;
  at("waiting")?.remove();
  console.error(error);
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const fromHex = (hex) =>
  new TextDecoder().decode(Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16)));

start().catch(problem);
