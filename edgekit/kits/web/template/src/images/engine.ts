/** Image in, numbers out. */

import { openFiles, type Kit } from "../files.js";
import type { Options } from "../options.js";
import { Running } from "../running.js";
import { openSession, type Opened } from "../session.js";
import { pixelsOf, type ImageSource } from "./decode.js";
import { prepare, type Preparation } from "./prepare.js";

/** A preparation and an open session. Images that are asked for at the same time are answered in turn. */
export class ImageEngine extends Running {
  private constructor(kit: Kit, opened: Opened) {
    super(kit, opened);
  }

  /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
  static async load(options: Options = {}): Promise<ImageEngine> {
    const files = await openFiles(options);
    return new ImageEngine(files.kit, await openSession(files, options));
  }

  /** The output, a number for each label. An image is decoded when it is its turn. */
  run(image: ImageSource): Promise<Float32Array> {
    return this.answer(async () => this.feeds(await this.prepare(image)));
  }

  /** The same of pixels that are prepared. */
  runPixels(pixels: Float32Array): Promise<Float32Array> {
    return this.answer(() => this.feeds(pixels));
  }

  /** The pixels as the model reads them. */
  async prepare(image: ImageSource): Promise<Float32Array> {
    return Float32Array.from(prepare(await pixelsOf(image), this.preparation));
  }

  private feeds(pixels: Float32Array): Record<string, object> {
    const { size } = this.preparation;
    const [name = ""] = Object.keys(this.kit.inputs);
    return { [name]: new this.opened.ort.Tensor("float32", pixels, [1, 3, size, size]) };
  }

  private get preparation(): Preparation {
    return this.kit.image as Preparation;
  }
}
