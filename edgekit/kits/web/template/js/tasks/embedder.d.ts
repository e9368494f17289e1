import { Engine } from "../engine.js";
import { Model } from "../model.js";
import type { Options } from "../options.js";
/** Gives a text a place among others. Keep it: loading takes time, and any number of callers may share it. */
export declare class Embedder extends Model<Engine> {
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static load(options?: Options): Promise<Embedder>;
    /** A vector of length 1: the dot product of two is their cosine. */
    embed(text: string): Promise<Float32Array>;
    /** How alike two texts are, −1…1. */
    similarity(text: string, other: string): Promise<number>;
}
