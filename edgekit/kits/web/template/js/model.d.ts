/** What every task's class shares: the open model, and letting go of it. */
import type { Running } from "./running.js";
export declare class Model<Engine extends Running> {
    protected readonly engine: Engine;
    /** @internal */
    constructor(engine: Engine);
    /** Threads of one answer. */
    get threads(): number;
    /** What runs the model, with its version. */
    get runtime(): string;
    /** Frees the memory of the model, after the answers that are being made. Asking again is an error. */
    close(): Promise<void>;
}
