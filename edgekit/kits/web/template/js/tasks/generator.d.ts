import { type Sampling } from "../generation/sampling.js";
import { type Message } from "../generation/tables.js";
import type { Options } from "../options.js";
export type { Message, Sampling };
/** How a text is written. */
export interface GenerateOptions extends Sampling {
    /** Tokens to write at most; 128 unless told otherwise. */
    readonly maxTokens?: number;
    /** Texts that end it, beside the model's own stop tokens; they are not part of it. */
    readonly stop?: readonly string[];
    /** Ends it with an error, before the next token. */
    readonly signal?: AbortSignal;
}
/** What became of a text. */
export interface Written {
    readonly stoppedBy: "stop token" | "stop text" | "length" | "context";
    readonly promptTokens: number;
    /** Of the prompt, those that were known from the text before. */
    readonly reusedTokens: number;
    readonly tokens: readonly number[];
    /** Until the first token was chosen. */
    readonly firstMs: number;
    /** For all tokens after it. */
    readonly nextMs: number;
}
/**
 * Writes text on the device, token by token. Keep it: loading takes time. It writes one text at a time, in the order in
 * which they were asked for; a text that begins like the one before (a conversation that goes on) is not read anew.
 */
export declare class Generator {
    private readonly opened;
    private readonly tokenizer;
    private readonly tables;
    private readonly decoder;
    /** The last text that came to its end. */
    last: Written | undefined;
    private queue;
    private closed;
    private constructor();
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static load(options?: Options): Promise<Generator>;
    /** Tokens of prompt and answer together, at most. */
    get context(): number;
    /** Whether {@link chat} can be used. */
    get hasChat(): boolean;
    get threads(): number;
    /** What runs the model, with its version. */
    get runtime(): string;
    /**
     * Writes on after a prompt: `for await (const piece of model.generate("Once upon a time")) …`. Leaving the loop ends
     * it. Each piece is whole characters; all pieces are the text.
     *
     * @throws KitError the prompt is empty or too long, or an option out of range.
     */
    generate(prompt: string, options?: GenerateOptions): AsyncGenerator<string, Written>;
    /**
     * Answers a conversation, which is put into the words that the model was trained on.
     *
     * @throws KitError as {@link generate}, the model has no chat, or the roles can't follow one another so.
     */
    chat(messages: readonly Message[], options?: GenerateOptions): AsyncGenerator<string, Written>;
    /** The tokens of a prompt or a conversation. */
    tokens(prompt: string | readonly Message[]): number[];
    /** Frees the memory of the model, after the text that is being written. */
    close(): Promise<void>;
    private write;
    private writing;
}
