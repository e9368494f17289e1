/** What every task's class shares: the open model, and letting go of it. */
export class Model {
    engine;
    /** @internal */
    constructor(engine) {
        this.engine = engine;
    }
    /** Threads of one answer. */
    get threads() {
        return this.engine.threads;
    }
    /** What runs the model, with its version. */
    get runtime() {
        return this.engine.runtime;
    }
    /** Frees the memory of the model, after the answers that are being made. Asking again is an error. */
    close() {
        return this.engine.close();
    }
}
