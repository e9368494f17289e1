/** A decoder with its caches: tokens in, logits of the next one out. */
import type { Opened } from "../session.js";
import type { GenerationTables } from "./tables.js";
export declare class Decoder {
    private readonly opened;
    private readonly tables;
    /** What the caches hold. */
    private ids;
    private buffers;
    constructor(opened: Opened, tables: GenerationTables);
    /** How many of a text's tokens need not be read again; one is, since its logits are wanted. */
    known(ids: readonly number[]): number;
    /** The next text is read from its beginning. */
    forget(): void;
    /**
     * Logits of what follows a text. What it shares with the beginning of the last one is not read again.
     *
     * @param most tokens that the text may become.
     */
    read(ids: readonly number[], most: number): Promise<Float32Array>;
    private texts;
    private tensors;
    /** Longer buffers, with what is known of the text at their beginning. */
    private makeRoom;
    private keep;
}
