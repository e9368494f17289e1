/** Logits to shares that add up to 1. */
export declare function softmax(logits: ArrayLike<number>): number[];
/** Each logit to a probability of its own. */
export declare const sigmoid: (logits: ArrayLike<number>) => number[];
/** The place of the highest value; of equal ones, the first. */
export declare function argmax(values: ArrayLike<number>): number;
/** Labels with their shares, each an own property whatever it is called: `__proto__` too. */
export declare const record: <K extends string>(labels: readonly K[], shares: number[]) => Record<K, number>;
/** The most probable labels, best first; of equal ones the first of the model. */
export declare function best<K extends string>(labels: readonly K[], shares: number[], count: number): Ranked<K>[];
export interface Ranked<K extends string> {
    readonly label: K;
    readonly probability: number;
}
