/** Measures a model that reads texts. */
import { Engine } from "./engine.js";
import { measuring } from "./protocol.js";
import { characters, fromHex } from "./tokenizer/tables.js";
export * from "./protocol.js";
/** Reads the content of samples.json, whose texts are UTF-8 in hex. */
export function readSamples(json) {
    const text = (hex) => characters(fromHex(hex)).join("");
    return JSON.parse(json).samples.map((sample) => ({
        ...sample, text: text(sample.text), ...(sample.pair === undefined ? {} : { pair: text(sample.pair) }),
    }));
}
export const measure = measuring({
    load: (options) => Engine.load(options),
    prepare: (engine, { text, pair }) => engine.encode(text, pair),
    run: (engine, tokens) => engine.run(tokens),
});
