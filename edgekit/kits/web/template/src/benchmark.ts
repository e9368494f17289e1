/** Measures a model that reads texts. */

import { Engine } from "./engine.js";
import { measuring, type Measure, type Verified } from "./protocol.js";
import { characters, fromHex } from "./tokenizer/tables.js";

export * from "./protocol.js";

/** A text, and what was verified for it. */
export interface Sample extends Verified {
  readonly text: string;
  readonly pair?: string;
  /** The model's inputs by name. */
  readonly tokens: Readonly<Record<string, readonly number[]>>;
  /** The number of every word's tag; null: no token of it was read. */
  readonly tags?: readonly (number | null)[];
}

/** Reads the content of samples.json, whose texts are UTF-8 in hex. */
export function readSamples(json: string): Sample[] {
  const text = (hex: string): string => characters(fromHex(hex)).join("");
  return (JSON.parse(json) as { samples: Sample[] }).samples.map((sample) => ({
    ...sample, text: text(sample.text), ...(sample.pair === undefined ? {} : { pair: text(sample.pair) }),
  }));
}

export const measure: Measure<Sample> = measuring({
  load: (options) => Engine.load(options),
  prepare: (engine, { text, pair }: Sample) => engine.encode(text, pair),
  run: (engine, tokens) => engine.run(tokens),
});
