/** Image in, numbers out. */
import { openFiles } from "../files.js";
import { Running } from "../running.js";
import { openSession } from "../session.js";
import { pixelsOf } from "./decode.js";
import { prepare } from "./prepare.js";
/** A preparation and an open session. Images that are asked for at the same time are answered in turn. */
export class ImageEngine extends Running {
    constructor(kit, opened) {
        super(kit, opened);
    }
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static async load(options = {}) {
        const files = await openFiles(options);
        return new ImageEngine(files.kit, await openSession(files, options));
    }
    /** The output, a number for each label. An image is decoded when it is its turn. */
    run(image) {
        return this.answer(async () => this.feeds(await this.prepare(image)));
    }
    /** The same of pixels that are prepared. */
    runPixels(pixels) {
        return this.answer(() => this.feeds(pixels));
    }
    /** The pixels as the model reads them. */
    async prepare(image) {
        return Float32Array.from(prepare(await pixelsOf(image), this.preparation));
    }
    feeds(pixels) {
        const { size } = this.preparation;
        const [name = ""] = Object.keys(this.kit.inputs);
        return { [name]: new this.opened.ort.Tensor("float32", pixels, [1, 3, size, size]) };
    }
    get preparation() {
        return this.kit.image;
    }
}
