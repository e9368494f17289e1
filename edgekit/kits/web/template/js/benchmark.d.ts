/** Measures a model that reads texts. */
import { type Measure, type Verified } from "./protocol.js";
export * from "./protocol.js";
/** A text, and what was verified for it. */
export interface Sample extends Verified {
    readonly text: string;
    readonly pair?: string;
    /** The model's inputs by name. */
    readonly tokens: Readonly<Record<string, readonly number[]>>;
    /** The number of every word's tag; null: no token of it was read. */
    readonly tags?: readonly (number | null)[];
}
/** Reads the content of samples.json, whose texts are UTF-8 in hex. */
export declare function readSamples(json: string): Sample[];
export declare const measure: Measure<Sample>;
