/** The page: choose or drop an image, see the model's answer, how long it took, and measure the device. */
import { ImageClassifier } from "../js/index.js";
import { bars, counted, element, percent, SHOWN } from "./elements.js";
import { measureDevice } from "./measuring.js";
import { keepForOffline } from "./offline.js";
import { runtime } from "./runtime.js";

const at = (id) => document.getElementById(id);
const [file, example, canvas, spoken] = ["file", "example", "shown", "spoken"].map(at);

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
  const model = await ImageClassifier.load({ onnxruntime: await runtime() });
  const recorded = await (await fetch("./test/samples.json")).text();
  const { samples } = JSON.parse(recorded);

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

  let number = 0;
  const ask = async (name, open) => {
    const mine = ++number;
    const image = await open();
    if (mine !== number) return; // another image was given meanwhile
    at("problem").hidden = true;
    show(image, name);
    const from = performance.now();
    const ranked = await model.top(image, SHOWN);
    const took = performance.now() - from;
    if (mine !== number) return;
    milliseconds.textContent = `${took.toFixed(1)} ms`;
    at("answer").replaceChildren(bars(ranked, []));
    const [{ label, probability }] = ranked;
    spoken.textContent = `${name}: ${counted(label)}, ${percent(probability)}. ${took.toFixed(0)} milliseconds.`;
  };
  const take = (given) => given && ask(given.name, () => decoded(given)).catch(problem);
  file.addEventListener("change", () => take(file.files[0]));
  takeDropped(take);
  let next = 0;
  example.addEventListener("click", () => {
    const place = next++ % samples.length;
    ask(`Example ${place + 1}`, async () => withOpacity(samples[place])).catch(problem);
  });
  file.disabled = example.disabled = false;
  at("waiting").textContent = "Choose an image above.";
  measureDevice(recorded, ["image", "images"]);
  document.documentElement.dataset.ready = "true";
  offline.textContent = await keepForOffline(kit, ["", "demo/bench-worker.js"]).catch(({ message }) => `no: ${message}`);
}

/** Turned upright, and its values as they are in the file, whatever its colour profile: as Python reads it. */
const decoded = (given) =>
  createImageBitmap(given, { imageOrientation: "from-image", colorSpaceConversion: "none" }).catch((cause) => {
    throw Object.assign(new Error(`${given.name} can't be read as an image.`), {
      remedy: "Choose a PNG, JPEG or WebP file.", cause,
    });
  });

function withOpacity({ width, height, rgb }) {
  const bytes = atob(rgb);
  const made = new ImageData(width, height);
  for (let i = 0; i < made.data.length; i++) {
    made.data[i] = i % 4 === 3 ? 255 : bytes.charCodeAt(Math.floor(i / 4) * 3 + (i % 4));
  }
  return made;
}

function show(image, name) {
  Object.assign(canvas, { width: image.width, height: image.height, hidden: false, ariaLabel: name });
  const context = canvas.getContext("2d");
  if (image instanceof ImageData) context.putImageData(image, 0, 0);
  else context.drawImage(image, 0, 0);
}

/** Anywhere on the page: a file that missed its place would replace the page. */
function takeDropped(take) {
  const over = (is) => (event) => {
    event.preventDefault();
    document.body.classList.toggle("dropping", is);
  };
  addEventListener("dragover", over(true));
  addEventListener("dragleave", over(false));
  addEventListener("drop", (event) => {
    over(false)(event);
    take(event.dataTransfer.files[0]);
  });
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

start().catch(problem);
