/** An open model that answers in turn. */
import type { Kit } from "./files.js";
import type { Opened } from "./session.js";
/** What is asked for at the same time is answered one after the other. */
export declare class Running {
    readonly kit: Kit;
    protected readonly opened: Opened;
    private last;
    private closed;
    protected constructor(kit: Kit, opened: Opened);
    get threads(): number;
    get runtime(): string;
    /** Frees the memory of the model, after the answers that are being made. */
    close(): Promise<void>;
    /** The output, row after row; the tensors are made when it is their turn. */
    protected answer(feeds: () => Record<string, object> | Promise<Record<string, object>>): Promise<Float32Array>;
}
