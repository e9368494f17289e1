/** What went wrong, and what can be done about it. */
export class KitError extends Error {
  override readonly name = "KitError";

  constructor(readonly fact: string, readonly remedy: string, cause?: unknown) {
    super(`${fact} ${remedy}`, { cause });
  }
}
