import { Engine } from "../engine.js";
import type { Label } from "../label.js";
import { Model } from "../model.js";
import type { Options } from "../options.js";
/** A word and its tag; null for a word that was cut off, or of which the tokenizer keeps nothing. */
export interface TaggedWord {
    readonly word: string;
    readonly label: Label | null;
}
/** Tags the words of a text. Keep it: loading takes time, and any number of callers may share it. */
export declare class Tagger extends Model<Engine> {
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static load(options?: Options): Promise<Tagger>;
    /** All tags, in the order of their numbers. */
    get allLabels(): readonly Label[];
    /** The words between white space, each with the tag of its first token. */
    tag(text: string): Promise<TaggedWord[]>;
}
