import type { ImageSource } from "../images/decode.js";
import { ImageEngine } from "../images/engine.js";
import type { RawImage } from "../images/prepare.js";
import type { Label } from "../label.js";
import { Model } from "../model.js";
import { type Ranked } from "../numbers.js";
import type { Options } from "../options.js";
export type { ImageSource, Ranked, RawImage };
/** Tells what an image shows. Keep it: loading takes time, and any number of callers may share it. */
export declare class ImageClassifier extends Model<ImageEngine> {
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static load(options?: Options): Promise<ImageClassifier>;
    /** All labels, in the order of their numbers. */
    get allLabels(): readonly Label[];
    /**
     * The probability of every label; together they are 1. The image may be of any size, and is upright.
     *
     * @throws KitError it is no image, or can't be read.
     */
    classify(image: ImageSource): Promise<Record<Label, number>>;
    /** The most probable labels, best first. */
    top(image: ImageSource, count?: number): Promise<Ranked<Label>[]>;
    private shares;
}
