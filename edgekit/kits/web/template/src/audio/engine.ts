/** Sound in, numbers out. */

import { openFiles, type Kit } from "../files.js";
import type { Options } from "../options.js";
import { Running } from "../running.js";
import { openSession, type Opened } from "../session.js";
import { prepare, type Preparation } from "./prepare.js";
import { clipOf, type AudioSource } from "./source.js";

/** A preparation and an open session. Clips that are asked for at the same time are answered in turn. */
export class AudioEngine extends Running {
  private constructor(kit: Kit, opened: Opened) {
    super(kit, opened);
  }

  /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
  static async load(options: Options = {}): Promise<AudioEngine> {
    const files = await openFiles(options);
    return new AudioEngine(files.kit, await openSession(files, options));
  }

  get preparation(): Preparation {
    return this.kit.audio as Preparation;
  }

  /** The output, a number for each label. A clip is prepared when it is its turn. */
  run(audio: AudioSource): Promise<Float32Array> {
    return this.answer(() => this.feeds(this.prepare(audio)));
  }

  /** The same of samples that are prepared. */
  runSamples(samples: Float32Array): Promise<Float32Array> {
    return this.answer(() => this.feeds(samples));
  }

  /** The samples as the model reads them. */
  prepare(audio: AudioSource): Float32Array {
    return prepare(clipOf(audio), this.preparation);
  }

  private feeds(samples: Float32Array): Record<string, object> {
    const [name = ""] = Object.keys(this.kit.inputs);
    return { [name]: new this.opened.ort.Tensor("float32", samples, [1, samples.length]) };
  }
}
