/** Each task's answer as elements, and in words for a screen reader. */
import * as kit from "../js/index.js";
import { bars, counted, element, percent, SHOWN } from "./elements.js";

/** Task → how its model is loaded and asked. An answer is `{ shown: Node, spoken: string }`. */
const TASKS = {
  "text-classification": {
    load: (options) => kit.Classifier.load(options),
    async ask(model, text, pair) {
      const ranked = await model.top(text, SHOWN, pair);
      const [{ label, probability }] = ranked;
      return { shown: bars(ranked, []), spoken: `${counted(label)}, ${percent(probability)}` };
    },
  },
  "multi-label-classification": {
    load: (options) => kit.Classifier.load(options),
    async ask(model, text, pair) {
      const ranked = await model.top(text, SHOWN, pair);
      const chosen = await model.labels(text, 0.5, pair);
      return { shown: bars(ranked, chosen), spoken: chosen.map(counted).join(", ") || "none of the labels" };
    },
  },
  "token-classification": {
    load: (options) => kit.Tagger.load(options),
    async ask(model, text) {
      const words = await model.tag(text);
      const shown = element("ul", { className: "words" }, ...words.map(({ word, label }) =>
        element("li", {}, element("bdi", { textContent: word }),
          element("bdi", { className: "label", textContent: label === null ? "–" : counted(label) }))));
      return { shown, spoken: words.map(({ word, label }) => `${word}: ${label ?? "no tag"}`).join(", ") };
    },
  },
  "text-regression": {
    load: (options) => kit.Regressor.load(options),
    async ask(model, text, pair) {
      const spoken = (await model.predict(text, pair)).toFixed(3);
      return { shown: element("p", { className: "number", textContent: spoken }), spoken };
    },
  },
  "sentence-embedding": {
    two: true,
    load: (options) => kit.Embedder.load(options),
    async ask(model, text, other) {
      if (other) {
        const spoken = `similarity ${(await model.similarity(text, other)).toFixed(3)}`;
        return { shown: element("p", { className: "number", textContent: spoken }), spoken };
      }
      const vector = await model.embed(text);
      const start = Array.from(vector.subarray(0, 6), (value) => value.toFixed(3)).join(", ");
      const spoken = `${vector.length} numbers: ${start} …`;
      return { shown: element("p", { textContent: spoken }), spoken };
    },
  },
};

export const taskOf = (name) => TASKS[name];
