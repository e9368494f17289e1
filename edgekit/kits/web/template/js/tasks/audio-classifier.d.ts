import { AudioEngine } from "../audio/engine.js";
import type { AudioSource, RawAudio } from "../audio/source.js";
import type { Label } from "../label.js";
import { Model } from "../model.js";
import { type Ranked } from "../numbers.js";
import type { Options } from "../options.js";
export { readWav } from "../audio/wav.js";
export type { AudioSource, Ranked, RawAudio };
/** Tells what a clip is of. Keep it: loading takes time, and any number of callers may share it. */
export declare class AudioClassifier extends Model<AudioEngine> {
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static load(options?: Options): Promise<AudioClassifier>;
    /** All labels, in the order of their numbers. */
    get allLabels(): readonly Label[];
    /** Seconds of a clip that the model hears: of a longer one the middle, and silence around a shorter one. */
    get seconds(): number;
    /**
     * The probability of every label; together they are 1. The clip may be of any length, rate and number of channels.
     *
     * @throws KitError there is no sample, the channels are not of one length, or the rate is no whole number.
     */
    classify(audio: AudioSource): Promise<Record<Label, number>>;
    /** The most probable labels, best first. */
    top(audio: AudioSource, count?: number): Promise<Ranked<Label>[]>;
    private shares;
}
