/** Measures a model that reads clips. */
import { type Measure, type Verified } from "../protocol.js";
import type { RawAudio } from "./source.js";
export * from "../protocol.js";
/** A clip, and what was verified for it. */
export interface Sample extends Verified {
    readonly audio: RawAudio;
}
/** Reads the content of samples.json, whose 16-bit PCM is base64. */
export declare function readSamples(json: string): Sample[];
export declare const measure: Measure<Sample>;
