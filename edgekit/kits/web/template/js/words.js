/** Words between white space, and their tokens. */
// What Python's str.split takes for white space; \s is another set.
const SPACE = /[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
export const wordsOf = (text) => text.split(SPACE).filter((word) => word);
/** For each word the first token that ends inside it; some tokenizers let a token begin at the space before. */
export function firstTokens(words, ends) {
    const owner = []; // of every code point of the text
    words.forEach((word, number) => {
        for (const _ of word)
            owner.push(number);
        owner.push(undefined);
    });
    const found = new Array(words.length).fill(undefined);
    ends.forEach((end, token) => {
        const word = end > 0 ? owner[end - 1] : undefined; // 0: a special token
        if (word !== undefined)
            found[word] ??= token;
    });
    return found;
}
const ENDS = new RegExp(`^${SPACE.source}|${SPACE.source}$`, "g");
/** Without white space at both ends. */
export const strip = (text) => text.replace(ENDS, "");
