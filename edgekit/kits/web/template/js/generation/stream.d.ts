/** One token after another as text: never half a character, and never part of a stop text. */
import type { GenerationTables } from "./tables.js";
export declare class PieceStream {
    private readonly tables;
    /** A stop text came. */
    stopped: boolean;
    private readonly decoder;
    private readonly stops;
    /** Could be the beginning of a stop text. */
    private held;
    private strip;
    constructor(tables: GenerationTables, stops?: readonly string[]);
    /** The text that is certain now. */
    add(token: number): string;
    /** What was held back, when no token follows. */
    end(): string;
    private certain;
}
