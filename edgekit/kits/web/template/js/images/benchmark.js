/** Measures a model that reads images. */
import { measuring } from "../protocol.js";
import { ImageEngine } from "./engine.js";
export * from "../protocol.js";
/** Reads the content of samples.json, whose pixels are base64. */
export function readSamples(json) {
    return JSON.parse(json).samples.map(({ width, height, rgb, output }) => ({
        image: { width, height, data: Uint8Array.from(atob(rgb), (byte) => byte.charCodeAt(0)) }, output,
    }));
}
export const measure = measuring({
    load: (options) => ImageEngine.load(options),
    prepare: (engine, { image }) => engine.prepare(image),
    run: (engine, pixels) => engine.runPixels(pixels),
});
