/** What every page does around its model. */
import { readSamples } from "../js/benchmark.js";
import { bars, counted, element, percent, SHOWN } from "./elements.js";
import { measureDevice } from "./measuring.js";

export const at = (id) => document.getElementById(id);
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** kit.json; its name stands on the page from now on. */
export async function openKit() {
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
  return kit;
}

/** Lists what is known of the model; gives back where times and the state of the cache are shown. */
export function showFacts({ artifact }, model) {
  const facts = {
    "Answered in": "–",
    "Model size": megabytes(artifact.size_bytes),
    Precision: artifact.precision,
    Threads: `${model.threads}`,
    Runtime: model.runtime,
    "Without network": "not yet",
  };
  at("facts").append(...Object.entries(facts).map(([name, value]) =>
    element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: value }))));
  const [milliseconds, , , , , offline] = at("facts").querySelectorAll("dd");
  at("threads-off").hidden = crossOriginIsolated;
  return { milliseconds, offline };
}

/**
 * How a page of a classifier asks: `ask(name, open)`. Of inputs that are given in turn only the last is answered.
 *
 * @param show is given what was opened, and its name, before the model is asked.
 */
export function asking(model, milliseconds, show) {
  let number = 0;
  return async (name, open) => {
    const mine = ++number;
    const given = await open();
    if (mine !== number) return; // another input was given meanwhile
    at("problem").hidden = true;
    show(given, name);
    const from = performance.now();
    const ranked = await model.top(given, SHOWN);
    const took = performance.now() - from;
    if (mine !== number) return;
    milliseconds.textContent = `${took.toFixed(1)} ms`;
    at("answer").replaceChildren(bars(ranked, []));
    const [{ label, probability }] = ranked;
    at("spoken").textContent = `${name}: ${counted(label)}, ${percent(probability)}. ${took.toFixed(0)} milliseconds.`;
  };
}

/** Lets files be chosen, and dropped anywhere on the page: one that missed its place would replace the page. */
export function takeFiles(take) {
  const taken = (file) => file && take(file).catch(problem);
  at("file").addEventListener("change", () => taken(at("file").files[0]));
  const over = (is) => (event) => {
    event.preventDefault();
    document.body.classList.toggle("dropping", is);
  };
  addEventListener("dragover", over(true));
  addEventListener("dragleave", over(false));
  addEventListener("drop", (event) => {
    over(false)(event);
    taken(event.dataTransfer.files[0]);
  });
}

/**
 * The kit's own samples: the button that shows them in turn, and what the device is measured with.
 *
 * @param what one of them is, and several: "image", "images".
 * @param take `take(sample, name)`.
 */
export async function offerSamples(what, take) {
  const recorded = await (await fetch("./test/samples.json")).text();
  const samples = readSamples(recorded);
  measureDevice(recorded, what);
  let next = 0;
  at("example").addEventListener("click", () => {
    const place = next++ % samples.length;
    take(samples[place], `Example ${place + 1}`).catch(problem);
  });
}

/** The page can be used from now on. */
export function ready(hint) {
  for (const control of document.querySelectorAll("#form :disabled")) control.disabled = false;
  at("waiting").textContent = hint;
  document.documentElement.dataset.ready = "true";
}

/** What went wrong, and what to do: in the page, and read out at once. */
export function problem(error) {
  const remedy = error.remedy ?? "Load the page again; a current browser with WebAssembly is needed.";
  at("problem").replaceChildren(
    element("p", {}, element("strong", { textContent: error.fact ?? error.message })),
    element("p", { textContent: remedy }));
  at("problem").hidden = false;
  at("waiting")?.remove();
  console.error(error);
}
