/** How the next token is chosen from logits: the filters of `edgekit generate`, in the same order. */
export interface Sampling {
    /** Divides positive logits of tokens that came before, and multiplies negative ones; 1: no difference. */
    readonly repetitionPenalty?: number;
    /** Of the softmax; 0, the default, takes the likeliest token each time. */
    readonly temperature?: number;
    /** The likeliest tokens to draw from; 0: all. */
    readonly topK?: number;
    /** Draws from the fewest tokens that have this much probability together; 1: all. */
    readonly topP?: number;
    /** Draws from tokens that have at least this share of the likeliest one's probability; 0: all. */
    readonly minP?: number;
    /** A whole number from 0 to 2⁵³ − 1: the same one draws the same tokens; none draws anew each time. */
    readonly seed?: number;
}
/** @throws KitError a value out of range. */
export declare function check({ repetitionPenalty: r, temperature: t, topK: k, topP: p, minP: m, seed: s }: Sampling): void;
/** SplitMix64: every kit draws the same numbers for a seed. */
export declare class Random {
    private state;
    constructor(seed?: number);
    /** From 0 up to, not including, 1. */
    next(): number;
}
/**
 * The next token.
 *
 * @param seen the tokens so far, prompt included.
 */
export declare function choose(logits: Float32Array, sampling: Sampling, seen: readonly number[], random: Random): number;
