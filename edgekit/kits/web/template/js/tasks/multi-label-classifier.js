import { Engine } from "../engine.js";
import { Model } from "../model.js";
import { best, record, sigmoid } from "../numbers.js";
/** Tells which labels, of several, a text has. Keep it: loading takes time, and any number of callers may share it. */
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
     * The probability of every label, each on its own.
     *
     * @param pair the second text, for a model that was trained on two.
     */
    async classify(text, pair) {
        return record(this.allLabels, await this.shares(text, pair));
    }
    /** The labels whose probability is above `threshold`, in the order of their numbers. */
    async labels(text, threshold = 0.5, pair) {
        const shares = await this.shares(text, pair);
        return this.allLabels.filter((_, i) => (shares[i] ?? 0) > threshold);
    }
    /** The most probable labels, best first. */
    async top(text, count = 1, pair) {
        return best(this.allLabels, await this.shares(text, pair), count);
    }
    async shares(text, pair) {
        return sigmoid(await this.engine.run(this.engine.encode(text, pair)));
    }
}
