import { Engine } from "../engine.js";
import { Model } from "../model.js";
import type { Options } from "../options.js";

/** Gives a text a place among others. Keep it: loading takes time, and any number of callers may share it. */
export class Embedder extends Model<Engine> {
  /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
  static async load(options?: Options): Promise<Embedder> {
    return new Embedder(await Engine.load(options));
  }

  /** A vector of length 1: the dot product of two is their cosine. */
  async embed(text: string): Promise<Float32Array> {
    return this.engine.run(this.engine.encode(text));
  }

  /** How alike two texts are, −1…1. */
  async similarity(text: string, other: string): Promise<number> {
    const [a, b] = await Promise.all([this.embed(text), this.embed(other)]);
    return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
  }
}
