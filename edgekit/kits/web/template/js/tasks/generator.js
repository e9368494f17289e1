import { KitError } from "../error.js";
import { openFiles } from "../files.js";
import { Decoder } from "../generation/decoder.js";
import { check, choose, Random } from "../generation/sampling.js";
import { PieceStream } from "../generation/stream.js";
import { GenerationTables } from "../generation/tables.js";
import { openSession } from "../session.js";
import { openTokenizer } from "../tokenizer/open.js";
/**
 * Writes text on the device, token by token. Keep it: loading takes time. It writes one text at a time, in the order in
 * which they were asked for; a text that begins like the one before (a conversation that goes on) is not read anew.
 */
export class Generator {
    opened;
    tokenizer;
    tables;
    decoder;
    /** The last text that came to its end. */
    last;
    queue = Promise.resolve();
    closed = false;
    constructor(opened, tokenizer, tables, decoder) {
        this.opened = opened;
        this.tokenizer = tokenizer;
        this.tables = tables;
        this.decoder = decoder;
    }
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static async load(options = {}) {
        const files = await openFiles(options);
        const [opened, tokenizer, generation, pieces] = await Promise.all([
            openSession(files, options), openTokenizer(files), files.text("generation.txt"), files.text("pieces.txt"),
        ]);
        const tables = new GenerationTables(generation, pieces);
        return new Generator(opened, tokenizer, tables, new Decoder(opened, tables));
    }
    /** Tokens of prompt and answer together, at most. */
    get context() {
        return this.tables.context;
    }
    /** Whether {@link chat} can be used. */
    get hasChat() {
        return this.tables.chats;
    }
    get threads() {
        return this.opened.threads;
    }
    /** What runs the model, with its version. */
    get runtime() {
        return this.opened.runtime;
    }
    /**
     * Writes on after a prompt: `for await (const piece of model.generate("Once upon a time")) …`. Leaving the loop ends
     * it. Each piece is whole characters; all pieces are the text.
     *
     * @throws KitError the prompt is empty or too long, or an option out of range.
     */
    generate(prompt, options = {}) {
        return this.write(this.tokens(prompt), options);
    }
    /**
     * Answers a conversation, which is put into the words that the model was trained on.
     *
     * @throws KitError as {@link generate}, the model has no chat, or the roles can't follow one another so.
     */
    chat(messages, options = {}) {
        return this.write(this.tokens(messages), options);
    }
    /** The tokens of a prompt or a conversation. */
    tokens(prompt) {
        return typeof prompt === "string"
            ? this.tokenizer.encode(prompt).ids
            : this.tokenizer.plain(this.tables.prompt(prompt));
    }
    /** Frees the memory of the model, after the text that is being written. */
    async close() {
        const { closed, queue } = this;
        this.closed = true;
        await queue;
        if (!closed)
            await this.opened.session.release();
    }
    async *write(ids, options) {
        check(options);
        const { context } = this;
        if (!ids.length)
            throw new KitError("The prompt is empty.", "Give at least one word.");
        if (ids.length >= context) {
            throw new KitError(`The prompt has ${ids.length} tokens, and the model holds ${context}.`, "Shorten it, or leave old turns out.");
        }
        const before = this.queue;
        let free = () => undefined;
        this.queue = new Promise((resolve) => (free = resolve));
        try {
            await before;
            if (this.closed)
                throw new KitError("This model is closed.", "Load it again.");
            return yield* this.writing(ids, options);
        }
        finally {
            free();
        }
    }
    async *writing(ids, options) {
        const { maxTokens = 128, stop = [], signal } = options;
        const { tables, decoder } = this;
        const room = tables.context - ids.length;
        const most = Math.min(maxTokens, room);
        const stream = new PieceStream(tables, stop);
        const random = new Random(options.seed);
        const tokens = [];
        const reusedTokens = decoder.known(ids);
        const began = performance.now();
        let [first, stoppedBy] = [began, maxTokens <= room ? "length" : "context"];
        while (tokens.length < most) {
            signal?.throwIfAborted();
            const text = [...ids, ...tokens];
            const token = choose(await decoder.read(text, ids.length + most), options, text, random);
            tokens.push(token);
            if (tokens.length === 1)
                first = performance.now();
            if (tables.stop.has(token)) {
                stoppedBy = "stop token";
                break;
            }
            const piece = stream.add(token);
            if (piece)
                yield piece;
            if (stream.stopped)
                break;
            if (!this.opened.native)
                await turn();
        }
        const rest = stream.end();
        if (rest)
            yield rest;
        this.last = {
            stoppedBy: stream.stopped ? "stop text" : stoppedBy,
            promptTokens: ids.length, reusedTokens, tokens, firstMs: first - began, nextMs: performance.now() - first,
        };
        return this.last;
    }
}
/** Lets a page, or a worker, see to what happened meanwhile: WebAssembly runs on its thread. */
const turn = () => new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
        port1.close();
        resolve();
    };
    port2.postMessage(0);
});
