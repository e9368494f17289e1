import { Engine } from "../engine.js";
import type { Label } from "../label.js";
import { Model } from "../model.js";
import { argmax } from "../numbers.js";
import type { Options } from "../options.js";
import { firstTokens, wordsOf } from "../words.js";

/** A word and its tag; null for a word that was cut off, or of which the tokenizer keeps nothing. */
export interface TaggedWord {
  readonly word: string;
  readonly label: Label | null;
}

/** Tags the words of a text. Keep it: loading takes time, and any number of callers may share it. */
export class Tagger extends Model<Engine> {
  /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
  static async load(options?: Options): Promise<Tagger> {
    return new Tagger(await Engine.load(options));
  }

  /** All tags, in the order of their numbers. */
  get allLabels(): readonly Label[] {
    return this.engine.kit.labels as readonly Label[];
  }

  /** The words between white space, each with the tag of its first token. */
  async tag(text: string): Promise<TaggedWord[]> {
    const words = wordsOf(text);
    const tokens = this.engine.encode(words.join(" "));
    const output = await this.engine.run(tokens);
    const width = output.length / tokens.ids.length;
    const starts = firstTokens(words, tokens.ends);
    return words.map((word, i) => {
      const start = starts[i];
      if (start === undefined) return { word, label: null };
      const label = this.allLabels[argmax(output.subarray(start * width, (start + 1) * width))];
      return { word, label: label ?? null };
    });
  }
}
