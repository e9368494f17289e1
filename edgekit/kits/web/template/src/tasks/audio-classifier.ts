import { AudioEngine } from "../audio/engine.js";
import type { AudioSource, RawAudio } from "../audio/source.js";
import type { Label } from "../label.js";
import { Model } from "../model.js";
import { best, record, softmax, type Ranked } from "../numbers.js";
import type { Options } from "../options.js";

export { readWav } from "../audio/wav.js";
export type { AudioSource, Ranked, RawAudio };

/** Tells what a clip is of. Keep it: loading takes time, and any number of callers may share it. */
export class AudioClassifier extends Model<AudioEngine> {
  /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
  static async load(options?: Options): Promise<AudioClassifier> {
    return new AudioClassifier(await AudioEngine.load(options));
  }

  /** All labels, in the order of their numbers. */
  get allLabels(): readonly Label[] {
    return this.engine.kit.labels as readonly Label[];
  }

  /** Seconds of a clip that the model hears: of a longer one the middle, and silence around a shorter one. */
  get seconds(): number {
    const { samples, sampling_rate: rate } = this.engine.preparation;
    return samples / rate;
  }

  /**
   * The probability of every label; together they are 1. The clip may be of any length, rate and number of channels.
   *
   * @throws KitError there is no sample, the channels are not of one length, or the rate is no whole number.
   */
  async classify(audio: AudioSource): Promise<Record<Label, number>> {
    return record(this.allLabels, await this.shares(audio));
  }

  /** The most probable labels, best first. */
  async top(audio: AudioSource, count = 1): Promise<Ranked<Label>[]> {
    return best(this.allLabels, await this.shares(audio), count);
  }

  private async shares(audio: AudioSource): Promise<number[]> {
    return softmax(await this.engine.run(audio));
  }
}
