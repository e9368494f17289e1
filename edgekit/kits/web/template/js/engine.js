/** Text in, numbers out: what every task is made of. */
import { KitError } from "./error.js";
import { inNode, openFiles } from "./files.js";
import { Tokenizer } from "./tokenizer/tokenizer.js";
const THREADS = 2;
/** A tokenizer and an open session. Texts that are asked for at the same time are answered in turn. */
export class Engine {
    kit;
    threads;
    runtime;
    tokenizer;
    ort;
    session;
    last = Promise.resolve();
    closed = false;
    constructor(kit, threads, runtime, tokenizer, ort, session) {
        this.kit = kit;
        this.threads = threads;
        this.runtime = runtime;
        this.tokenizer = tokenizer;
        this.ort = ort;
        this.session = session;
    }
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static async load(options = {}) {
        const files = await openFiles(options);
        const { kit } = files;
        const [ort, tokenizer, model] = await Promise.all([
            options.onnxruntime ?? importRuntime(), tokenizerOf(files), files.bytes(kit.model),
        ]);
        options.signal?.throwIfAborted();
        const native = "listSupportedBackends" in ort; // onnxruntime-node
        const threads = native ? (options.threads ?? THREADS) : wasmThreads(ort, options.threads);
        let session;
        try {
            session = await ort.InferenceSession.create(model, { intraOpNumThreads: threads, interOpNumThreads: 1 });
        }
        catch (cause) {
            throw new KitError(`The model could not be opened (${cause instanceof Error ? cause.message : String(cause)}).`, "Free some memory, use a current browser, and give onnxruntime the version that package.json names.", cause);
        }
        const { versions } = ort.env;
        const runtime = native ? `onnxruntime-node ${versions.node}` : `onnxruntime-web ${versions.web}`;
        return new Engine(kit, threads, runtime, tokenizer, ort, session);
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
            await this.session.release();
    }
    async answer({ ids, typeIds, mask }) {
        const values = { input_ids: ids, attention_mask: mask, token_type_ids: typeIds };
        const feeds = Object.entries(this.kit.inputs).map(([name, type]) => [name, this.tensor(type, values[name] ?? [])]);
        const made = await this.session.run(Object.fromEntries(feeds), [this.kit.output]);
        return Float32Array.from(made[this.kit.output]?.data);
    }
    tensor(type, values) {
        const data = type === "int64" ? BigInt64Array.from(values, BigInt) : Int32Array.from(values);
        return new this.ort.Tensor(type, data, [1, values.length]);
    }
}
/** Set before the first model of a page is opened, and no more afterwards. */
function wasmThreads({ env: { wasm } }, threads) {
    const wanted = threads ?? Math.min(THREADS, globalThis.navigator?.hardwareConcurrency ?? 1);
    if (!globalThis.crossOriginIsolated)
        wasm.numThreads = 1;
    return (wasm.numThreads ||= wanted);
}
async function tokenizerOf(files) {
    const read = async (name) => name in files.kit.integrity ? files.text(name) : undefined;
    const [tokenizer = "", vocabulary = "", merges, scores] = await Promise.all(["tokenizer.txt", "vocab.txt", "merges.txt", "scores.txt"].map(read));
    const tables = {
        tokenizer, vocabulary, ...(merges === undefined ? {} : { merges }), ...(scores === undefined ? {} : { scores }),
    };
    return new Tokenizer(tables);
}
async function importRuntime() {
    try {
        return inNode ? await (await import("./node.js")).importRuntime() : await import("onnxruntime-web/wasm");
    }
    catch (cause) {
        const name = inNode ? "onnxruntime-node" : "onnxruntime-web";
        throw new KitError(`${name} could not be imported (${cause instanceof Error ? cause.message : String(cause)}).`, `Install ${name} in the version that package.json names, or give the module as the option \`onnxruntime\`.`, cause);
    }
}
