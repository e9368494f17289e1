/** Text in, numbers out: what every task for texts is made of. */
import { openFiles } from "./files.js";
import { Running } from "./running.js";
import { openSession } from "./session.js";
import { openTokenizer } from "./tokenizer/open.js";
/** A tokenizer and an open session. Texts that are asked for at the same time are answered in turn. */
export class Engine extends Running {
    tokenizer;
    constructor(kit, opened, tokenizer) {
        super(kit, opened);
        this.tokenizer = tokenizer;
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
    run({ ids, typeIds, mask }) {
        const values = { input_ids: ids, attention_mask: mask, token_type_ids: typeIds };
        return this.answer(() => Object.fromEntries(Object.entries(this.kit.inputs).map(([name, type]) => [name, this.tensor(type, values[name] ?? [])])));
    }
    tensor(type, values) {
        const shape = [1, values.length];
        const { Tensor } = this.opened.ort;
        if (type === "int64")
            return new Tensor(type, BigInt64Array.from(values, BigInt), shape);
        return new Tensor("int32", Int32Array.from(values), shape);
    }
}
