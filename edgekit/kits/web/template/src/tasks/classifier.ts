import { Engine } from "../engine.js";
import type { Label } from "../label.js";
import { Model } from "../model.js";
import { best, record, softmax, type Ranked } from "../numbers.js";
import type { Options } from "../options.js";

export type { Ranked };

/** Tells what kind of text it is given. Keep it: loading takes time, and any number of callers may share it. */
export class Classifier extends Model<Engine> {
  /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
  static async load(options?: Options): Promise<Classifier> {
    return new Classifier(await Engine.load(options));
  }

  /** All labels, in the order of their numbers. */
  get allLabels(): readonly Label[] {
    return this.engine.kit.labels as readonly Label[];
  }

  /**
   * The probability of every label; together they are 1.
   *
   * @param pair the second text, for a model that was trained on two.
   */
  async classify(text: string, pair?: string): Promise<Record<Label, number>> {
    return record(this.allLabels, await this.shares(text, pair));
  }

  /** The most probable labels, best first. */
  async top(text: string, count = 1, pair?: string): Promise<Ranked<Label>[]> {
    return best(this.allLabels, await this.shares(text, pair), count);
  }

  private async shares(text: string, pair?: string): Promise<number[]> {
    return softmax(await this.engine.run(this.engine.encode(text, pair)));
  }
}
