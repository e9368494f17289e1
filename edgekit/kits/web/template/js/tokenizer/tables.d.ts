/** Tables of code points, and text as code points. */
/**
 * A code point on its way through the tokenizer: above its 21 bits stands where it ended in the text, behind how
 * many of the text's own; 0: it was not in the text.
 */
export type Unit = number;
/** Bit operators see the lowest 32 bits of a number, and so all of a code point. */
export declare const codeOf: (unit: Unit) => number;
export declare const endOf: (unit: Unit) => number;
export declare const unit: (code: number, end: number) => Unit;
/** Code points; a surrogate without its other half is U+FFFD, as it would be in UTF-8. */
export declare function codePoints(text: string): number[];
export declare const characters: (units: Unit[]) => string[];
export declare const utf8: (units: Unit[]) => number[];
export declare const fromHex: (hex: string) => number[];
/** Lines; only a line feed ends one. */
export declare const rows: (content: string) => string[];
export declare const unescaped: (line: string) => string;
export declare const startsWith: (units: Unit[], content: number[], from: number) => boolean;
/** An entry that is there by construction. */
export declare function at<T>(list: readonly T[], place: number): T;
/** Code point → class, from (length, class) pairs. */
export declare class Runs {
    private readonly starts;
    private readonly kinds;
    constructor(numbers: number[]);
    of(one: Unit | undefined): number;
}
/** Code point → what replaces it, from entries `gap length moving count values…`. */
export declare class CodeMap {
    private readonly starts;
    private readonly entries;
    constructor(numbers: number[]);
    /** The replacement; undefined for a code point that stays. */
    of(one: Unit): number[] | undefined;
    apply(units: Unit[]): Unit[];
}
/** Pairs of code points → what they join to, from differences `first second count result`. */
export declare function pairs(numbers: number[]): Map<number, number>;
/** Two numbers below 2^26 as one key. */
export declare const both: (a: number, b: number) => number;
