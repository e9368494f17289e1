/** The page: type a text, see the model's answer, how long it took, and measure the device. */
import { taskOf } from "./answers.js";
import { element } from "./elements.js";
import { keepForOffline } from "./offline.js";
import { measureDevice } from "./measuring.js";
import { at, openKit, problem, showFacts } from "./page.js";
import { runtime } from "./runtime.js";

const [text, pair, answer, spoken] = ["text", "pair", "answer", "spoken"].map(at);
const FOR_MEASURING = ["", "js/benchmark.js", "js/device.js", "demo/bench-worker.js"]; // and the page itself
const PAUSE_MS = 120; // of typing, before the model is asked
const QUIET_MS = 900; // of typing, before a screen reader is told

async function start() {
  const kit = await openKit();
  const task = taskOf(kit.artifact.task);
  const model = await task.load({ onnxruntime: await runtime() });
  const samples = await (await fetch("./test/samples.json")).text();

  const { milliseconds, offline } = showFacts(kit, model);
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

const fromHex = (hex) =>
  new TextDecoder().decode(Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16)));

start().catch(problem);
