/** An open model that answers in turn. */
import { KitError } from "./error.js";
/** What is asked for at the same time is answered one after the other. */
export class Running {
    kit;
    opened;
    last = Promise.resolve();
    closed = false;
    constructor(kit, opened) {
        this.kit = kit;
        this.opened = opened;
    }
    get threads() {
        return this.opened.threads;
    }
    get runtime() {
        return this.opened.runtime;
    }
    /** Frees the memory of the model, after the answers that are being made. */
    async close() {
        const { closed, last } = this;
        this.closed = true;
        await last;
        if (!closed)
            await this.opened.session.release();
    }
    /** The output, row after row; the tensors are made when it is their turn. */
    async answer(feeds) {
        if (this.closed)
            throw new KitError("This model is closed.", "Load it again.");
        const answer = this.last.then(async () => {
            const made = await this.opened.session.run((await feeds()), [this.kit.output]);
            return Float32Array.from(made[this.kit.output]?.data);
        });
        this.last = answer.catch(() => undefined);
        return answer;
    }
}
