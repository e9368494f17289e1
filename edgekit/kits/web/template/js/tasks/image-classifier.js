import { ImageEngine } from "../images/engine.js";
import { Model } from "../model.js";
import { best, record, softmax } from "../numbers.js";
/** Tells what an image shows. Keep it: loading takes time, and any number of callers may share it. */
export class ImageClassifier extends Model {
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static async load(options) {
        return new ImageClassifier(await ImageEngine.load(options));
    }
    /** All labels, in the order of their numbers. */
    get allLabels() {
        return this.engine.kit.labels;
    }
    /**
     * The probability of every label; together they are 1. The image may be of any size, and is upright.
     *
     * @throws KitError it is no image, or can't be read.
     */
    async classify(image) {
        return record(this.allLabels, await this.shares(image));
    }
    /** The most probable labels, best first. */
    async top(image, count = 1) {
        return best(this.allLabels, await this.shares(image), count);
    }
    async shares(image) {
        return softmax(await this.engine.run(image));
    }
}
