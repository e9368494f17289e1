/** Text in, numbers out: what every task is made of. */
import { KitError } from "./error.js";
import { openFiles, openTokenizer } from "./files.js";
import { openSession } from "./session.js";
/** A tokenizer and an open session. Texts that are asked for at the same time are answered in turn. */
export class Engine {
    kit;
    opened;
    tokenizer;
    last = Promise.resolve();
    closed = false;
    constructor(kit, opened, tokenizer) {
        this.kit = kit;
        this.opened = opened;
        this.tokenizer = tokenizer;
    }
    get threads() {
        return this.opened.threads;
    }
    get runtime() {
        return this.opened.runtime;
    }
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static async load(options = {}) {
        const files = await openFiles(options);
        const [opened, tokenizer] = await Promise.all([openSession(files, options), openTokenizer(files)]);
        return new Engine(files.kit, opened, tokenizer);
    }
    encode(text, pair) {
        return this.tokenizer.encode(text, pair);
    }
    /** The output, row after row. */
    async run(tokens) {
        if (this.closed)
            throw new KitError("This model is closed.", "Load it again.");
        const answer = this.last.then(() => this.answer(tokens));
        this.last = answer.catch(() => undefined);
        return answer;
    }
    /** Frees the memory of the model, after the answers that are being made. */
    async close() {
        const { closed, last } = this;
        this.closed = true;
        await last;
        if (!closed)
            await this.opened.session.release();
    }
    async answer({ ids, typeIds, mask }) {
        const values = { input_ids: ids, attention_mask: mask, token_type_ids: typeIds };
        const feeds = Object.entries(this.kit.inputs).map(([name, type]) => [name, this.tensor(type, values[name] ?? [])]);
        const made = await this.opened.session.run(Object.fromEntries(feeds), [this.kit.output]);
        return Float32Array.from(made[this.kit.output]?.data);
    }
    tensor(type, values) {
        const data = type === "int64" ? BigInt64Array.from(values, BigInt) : Int32Array.from(values);
        return new this.opened.ort.Tensor(type, data, [1, values.length]);
    }
}
