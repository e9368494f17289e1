import { Engine } from "../engine.js";
import { Model } from "../model.js";
import type { Options } from "../options.js";
/** Gives a text a number. Keep it: loading takes time, and any number of callers may share it. */
export declare class Regressor extends Model<Engine> {
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static load(options?: Options): Promise<Regressor>;
    /**
     * The number, in the unit of the labels that the model was trained on.
     *
     * @param pair the second text, of a model that was trained on two.
     */
    predict(text: string, pair?: string): Promise<number>;
}
