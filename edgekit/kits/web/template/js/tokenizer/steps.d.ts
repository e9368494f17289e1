/** The steps of a table: each takes one piece of text and gives its pieces. */
import { CodeMap, Runs, type Unit } from "./tables.js";
/** An id, and where its token ended in the text; 0: special. */
export interface Token {
    readonly id: number;
    readonly end: number;
}
/** Part of a text that is still code points; `first`: the text begins with it. */
export interface Piece {
    readonly units: Unit[];
    readonly first: boolean;
}
/** A token that is looked for in the text itself; `left` and `right`: takes the spaces there. */
export interface Added {
    readonly id: number;
    readonly singleWord: boolean;
    readonly left: boolean;
    readonly right: boolean;
    readonly codes: number[];
}
export type Step = (piece: Piece) => (Piece | Token)[];
export declare const onUnits: (change: (units: Unit[]) => Unit[]) => Step;
/** A piece that loses its first code point no longer begins the text. */
export declare const map: (table: CodeMap) => Step;
/** Canonical ordering: sorts code points between those of class 0. */
export declare const order: (classes: Runs) => Step;
/** Canonical composition with the last code point of class 0, unless something blocks it. */
export declare const compose: (joined: Map<number, number>, classes: Runs) => Step;
export declare const strip: (left: boolean, right: boolean, spaces: Runs) => Step;
/** "always"; "unless" it is there; or "first": unless it is there, where the text begins. */
export declare const prepend: (content: number[], when: string) => Step;
export declare const replace: (pattern: Pattern, content: number[]) => Step;
/** Matches (1), what lies between (2), or both (3) as pieces. */
export declare const split: (pattern: Pattern, mode: number) => Step;
/** Every byte of the UTF-8 text as the code point that stands for it. */
export declare const spell: (alphabet: number[]) => Step;
/** A piece around the added tokens in it: the leftmost first, of those the longest. */
export declare const find: (tokens: Added[], words: Runs, spaces: Runs) => Step;
/** A backtracking program over classes of code points. */
export declare class Pattern {
    classes: Runs;
    readonly sets: Set<number>[];
    code: number[];
    /** What matches (true), and what lies between, from left to right. */
    parts(units: Unit[]): [boolean, Unit[]][];
    /** Where the match that begins at `start` ends; −1: there is none. */
    private end;
}
/** SentencePiece's normalization map, looked up by short grapheme clusters (UAX #29) and by code points. */
export declare class Charsmap {
    private readonly shapes;
    one: CodeMap;
    private readonly several;
    constructor(shapes?: Runs);
    /** Keys of several code points: `count key… count value…`. */
    readKeys(numbers: number[]): void;
    /** A cluster below six bytes that begins with a key becomes its value; else each code point its own. */
    step(): Step;
    /** Classes: 1 control 2 CR 3 LF 4 extends 5 ZWJ 6 spacing mark 7 prepended; Hangul 8 L 9 V 10 T 11 LV 12 LVT;
        13 pictograph 14 consonant 15 linker 16 extends, but ends a conjunct. */
    private clusters;
}
