/** Image in, numbers out. */
import type { Options } from "../options.js";
import { Running } from "../running.js";
import { type ImageSource } from "./decode.js";
/** A preparation and an open session. Images that are asked for at the same time are answered in turn. */
export declare class ImageEngine extends Running {
    private constructor();
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static load(options?: Options): Promise<ImageEngine>;
    /** The output, a number for each label. An image is decoded when it is its turn. */
    run(image: ImageSource): Promise<Float32Array>;
    /** The same of pixels that are prepared. */
    runPixels(pixels: Float32Array): Promise<Float32Array>;
    /** The pixels as the model reads them. */
    prepare(image: ImageSource): Promise<Float32Array>;
    private feeds;
    private get preparation();
}
