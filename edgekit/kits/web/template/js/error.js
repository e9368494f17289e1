/** What went wrong, and what can be done about it. */
export class KitError extends Error {
    fact;
    remedy;
    name = "KitError";
    constructor(fact, remedy, cause) {
        super(`${fact} ${remedy}`, { cause });
        this.fact = fact;
        this.remedy = remedy;
    }
}
