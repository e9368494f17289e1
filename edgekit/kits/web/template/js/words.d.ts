/** Words between white space, and their tokens. */
export declare const wordsOf: (text: string) => string[];
/** For each word the first token that ends inside it; some tokenizers let a token begin at the space before. */
export declare function firstTokens(words: readonly string[], ends: readonly number[]): (number | undefined)[];
/** Without white space at both ends. */
export declare const strip: (text: string) => string;
