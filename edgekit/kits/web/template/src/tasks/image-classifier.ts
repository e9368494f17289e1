import type { ImageSource } from "../images/decode.js";
import { ImageEngine } from "../images/engine.js";
import type { RawImage } from "../images/prepare.js";
import type { Label } from "../label.js";
import { Model } from "../model.js";
import { best, record, softmax, type Ranked } from "../numbers.js";
import type { Options } from "../options.js";

export type { ImageSource, Ranked, RawImage };

/** Tells what an image shows. Keep it: loading takes time, and any number of callers may share it. */
export class ImageClassifier extends Model<ImageEngine> {
  /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
  static async load(options?: Options): Promise<ImageClassifier> {
    return new ImageClassifier(await ImageEngine.load(options));
  }

  /** All labels, in the order of their numbers. */
  get allLabels(): readonly Label[] {
    return this.engine.kit.labels as readonly Label[];
  }

  /**
   * The probability of every label; together they are 1. The image may be of any size, and is upright.
   *
   * @throws KitError it is no image, or can't be read.
   */
  async classify(image: ImageSource): Promise<Record<Label, number>> {
    return record(this.allLabels, await this.shares(image));
  }

  /** The most probable labels, best first. */
  async top(image: ImageSource, count = 1): Promise<Ranked<Label>[]> {
    return best(this.allLabels, await this.shares(image), count);
  }

  private async shares(image: ImageSource): Promise<number[]> {
    return softmax(await this.engine.run(image));
  }
}
