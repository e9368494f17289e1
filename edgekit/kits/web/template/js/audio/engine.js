/** Sound in, numbers out. */
import { openFiles } from "../files.js";
import { Running } from "../running.js";
import { openSession } from "../session.js";
import { prepare } from "./prepare.js";
import { clipOf } from "./source.js";
/** A preparation and an open session. Clips that are asked for at the same time are answered in turn. */
export class AudioEngine extends Running {
    constructor(kit, opened) {
        super(kit, opened);
    }
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static async load(options = {}) {
        const files = await openFiles(options);
        return new AudioEngine(files.kit, await openSession(files, options));
    }
    get preparation() {
        return this.kit.audio;
    }
    /** The output, a number for each label. A clip is prepared when it is its turn. */
    run(audio) {
        return this.answer(() => this.feeds(this.prepare(audio)));
    }
    /** The same of samples that are prepared. */
    runSamples(samples) {
        return this.answer(() => this.feeds(samples));
    }
    /** The samples as the model reads them. */
    prepare(audio) {
        return prepare(clipOf(audio), this.preparation);
    }
    feeds(samples) {
        const [name = ""] = Object.keys(this.kit.inputs);
        return { [name]: new this.opened.ort.Tensor("float32", samples, [1, samples.length]) };
    }
}
