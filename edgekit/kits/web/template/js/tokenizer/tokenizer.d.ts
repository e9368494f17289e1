/**
 * Text to token ids, exactly as Hugging Face `tokenizers` gives them.
 *
 * Everything that depends on Unicode is looked up in tables that edgekit probed from the model's own tokenizer;
 * nothing here asks the browser, whose version of Unicode is another. docs/kit-tokenizer.md describes the format.
 */
export interface TokenizerFiles {
    /** tokenizer.txt */
    readonly tokenizer: string;
    /** vocab.txt */
    readonly vocabulary: string;
    /** merges.txt, of a BPE tokenizer */
    readonly merges?: string;
    /** scores.txt, of a Unigram tokenizer */
    readonly scores?: string;
}
export interface Encoding {
    readonly ids: number[];
    readonly typeIds: number[];
    /** 1 for a token, 0 for padding */
    readonly mask: number[];
    /** Behind how many code points of its text each token ends; 0: special, or padding */
    readonly ends: number[];
}
export declare class Tokenizer {
    private readonly added;
    private readonly steps;
    private words;
    private spaces;
    private single;
    private pair;
    private limit;
    private padding;
    private model;
    constructor(files: TokenizerFiles);
    /**
     * Token ids of a text or a pair, special tokens included and cut to the model's limit.
     *
     * @param padTo tokens to fill up to with padding; longer rows stay as they are.
     */
    encode(text: string, pair?: string, padTo?: number): Encoding;
    /** Token ids of a text with nothing around them, and not cut. */
    plain(text: string): number[];
    /** Cuts texts to the limit: of a pair the longer one gives first, and then both half. */
    private cut;
    private tokens;
}
