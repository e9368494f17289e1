/** The samples of what a page calls a sound. */
import type { Clip } from "./prepare.js";
/** Samples in [-1, 1]: of one channel, or of each channel its own. */
export interface RawAudio {
    readonly samples: Float32Array | readonly Float32Array[];
    /** Samples a second. */
    readonly sampleRate: number;
}
/** What a model takes: samples, or what the browser decoded. */
export type AudioSource = RawAudio | AudioBuffer;
/** @throws KitError its channels are not of one length. */
export declare function clipOf(audio: AudioSource): Clip;
