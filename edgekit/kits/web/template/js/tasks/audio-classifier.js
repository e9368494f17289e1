import { AudioEngine } from "../audio/engine.js";
import { Model } from "../model.js";
import { best, record, softmax } from "../numbers.js";
export { readWav } from "../audio/wav.js";
/** Tells what a clip is of. Keep it: loading takes time, and any number of callers may share it. */
export class AudioClassifier extends Model {
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static async load(options) {
        return new AudioClassifier(await AudioEngine.load(options));
    }
    /** All labels, in the order of their numbers. */
    get allLabels() {
        return this.engine.kit.labels;
    }
    /** Seconds of a clip that the model hears: of a longer one the middle, and silence around a shorter one. */
    get seconds() {
        const { samples, sampling_rate: rate } = this.engine.preparation;
        return samples / rate;
    }
    /**
     * The probability of every label; together they are 1. The clip may be of any length, rate and number of channels.
     *
     * @throws KitError there is no sample, the channels are not of one length, or the rate is no whole number.
     */
    async classify(audio) {
        return record(this.allLabels, await this.shares(audio));
    }
    /** The most probable labels, best first. */
    async top(audio, count = 1) {
        return best(this.allLabels, await this.shares(audio), count);
    }
    async shares(audio) {
        return softmax(await this.engine.run(audio));
    }
}
