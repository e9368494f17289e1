/** Measures a model that reads images. */
import { type Measure, type Verified } from "../protocol.js";
import type { RawImage } from "./prepare.js";
export * from "../protocol.js";
/** An image, and what was verified for it. */
export interface Sample extends Verified {
    readonly image: RawImage;
}
/** Reads the content of samples.json, whose pixels are base64. */
export declare function readSamples(json: string): Sample[];
export declare const measure: Measure<Sample>;
