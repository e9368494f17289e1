/** generation.txt and pieces.txt: how the model is called, and what its tokens add to a text. */
/** A turn of a conversation. */
export interface Message {
    readonly role: "system" | "user" | "assistant";
    readonly content: string;
}
/** A tensor `[1, heads, tokens, width]` that a call gives and the next one takes. */
export interface Cache {
    readonly input: string;
    readonly output: string;
    readonly heads: number;
    readonly width: number;
}
export declare class GenerationTables {
    /** Tokens of prompt and answer together. */
    context: number;
    vocabulary: number;
    logits: string;
    /** Spaces that an answer may lose at its beginning. */
    strip: number;
    readonly stop: Set<number>;
    /** What an input is for → its name. */
    readonly inputs: Map<string, string>;
    readonly caches: Cache[];
    private readonly joints;
    private readonly trimmed;
    private readonly pieces;
    constructor(generation: string, pieces: string);
    get chats(): boolean;
    /** The bytes that a token adds. */
    bytes(token: number): Uint8Array;
    /**
     * A conversation as the model was trained to read it.
     *
     * @throws KitError the model has no chat, or its roles can't follow one another so.
     */
    prompt(messages: readonly Message[]): string;
    private joint;
}
export declare const textOf: (hex: string) => string;
