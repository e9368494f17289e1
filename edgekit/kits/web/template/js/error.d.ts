/** What went wrong, and what can be done about it. */
export declare class KitError extends Error {
    readonly fact: string;
    readonly remedy: string;
    readonly name = "KitError";
    constructor(fact: string, remedy: string, cause?: unknown);
}
