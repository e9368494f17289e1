/** The page: choose or drop an image, see the model's answer, how long it took, and measure the device. */
import { ImageClassifier } from "../js/index.js";
import { keepForOffline } from "./offline.js";
import { asking, at, offerSamples, openKit, problem, ready, showFacts, takeFiles } from "./page.js";
import { runtime } from "./runtime.js";

async function start() {
  const kit = await openKit();
  const model = await ImageClassifier.load({ onnxruntime: await runtime() });
  const { milliseconds, offline } = showFacts(kit, model);
  const ask = asking(model, milliseconds, show);
  takeFiles((file) => ask(file.name, () => decoded(file)));
  await offerSamples(["image", "images"], ({ image }, name) => ask(name, async () => withOpacity(image)));
  ready("Choose an image above.");
  offline.textContent = await keepForOffline(kit, ["", "demo/bench-worker.js"]).catch(({ message }) => `no: ${message}`);
}

/** Turned upright, and its values as they are in the file, whatever its colour profile: as Python reads it. */
const decoded = (file) =>
  createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" }).catch((cause) => {
    throw Object.assign(new Error(`${file.name} can't be read as an image.`), {
      remedy: "Choose a PNG, JPEG or WebP file.", cause,
    });
  });

function withOpacity({ width, height, data }) {
  const made = new ImageData(width, height);
  for (let i = 0; i < made.data.length; i++) made.data[i] = i % 4 === 3 ? 255 : data[Math.floor(i / 4) * 3 + (i % 4)];
  return made;
}

function show(image, name) {
  const canvas = at("shown");
  Object.assign(canvas, { width: image.width, height: image.height, hidden: false, ariaLabel: name });
  const context = canvas.getContext("2d");
  if (image instanceof ImageData) context.putImageData(image, 0, 0);
  else context.drawImage(image, 0, 0);
}

start().catch(problem);
