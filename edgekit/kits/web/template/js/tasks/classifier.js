import { Engine } from "../engine.js";
import { Model } from "../model.js";
import { best, record, softmax } from "../numbers.js";
/** Tells what kind of text it is given. Keep it: loading takes time, and any number of callers may share it. */
export class Classifier extends Model {
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static async load(options) {
        return new Classifier(await Engine.load(options));
    }
    /** All labels, in the order of their numbers. */
    get allLabels() {
        return this.engine.kit.labels;
    }
    /**
     * The probability of every label; together they are 1.
     *
     * @param pair the second text, for a model that was trained on two.
     */
    async classify(text, pair) {
        return record(this.allLabels, await this.shares(text, pair));
    }
    /** The most probable labels, best first. */
    async top(text, count = 1, pair) {
        return best(this.allLabels, await this.shares(text, pair), count);
    }
    async shares(text, pair) {
        return softmax(await this.engine.run(this.engine.encode(text, pair)));
    }
}
