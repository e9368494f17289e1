/** Measures a model that reads clips. */
import { measuring } from "../protocol.js";
import { AudioEngine } from "./engine.js";
export * from "../protocol.js";
/** Reads the content of samples.json, whose 16-bit PCM is base64. */
export function readSamples(json) {
    return JSON.parse(json).samples.map(({ rate, pcm, output }) => ({
        audio: { samples: from16Bits(atob(pcm)), sampleRate: rate }, output,
    }));
}
function from16Bits(bytes) {
    const view = new DataView(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)).buffer);
    return Float32Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true) / 32_768);
}
export const measure = measuring({
    load: (options) => AudioEngine.load(options),
    prepare: (engine, { audio }) => engine.prepare(audio),
    run: (engine, samples) => engine.runSamples(samples),
});
