import { Engine } from "../engine.js";
import type { Label } from "../label.js";
import { Model } from "../model.js";
import { type Ranked } from "../numbers.js";
import type { Options } from "../options.js";
export type { Ranked };
/** Tells what kind of text it is given. Keep it: loading takes time, and any number of callers may share it. */
export declare class Classifier extends Model<Engine> {
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static load(options?: Options): Promise<Classifier>;
    /** All labels, in the order of their numbers. */
    get allLabels(): readonly Label[];
    /**
     * The probability of every label; together they are 1.
     *
     * @param pair the second text, for a model that was trained on two.
     */
    classify(text: string, pair?: string): Promise<Record<Label, number>>;
    /** The most probable labels, best first. */
    top(text: string, count?: number, pair?: string): Promise<Ranked<Label>[]>;
    private shares;
}
