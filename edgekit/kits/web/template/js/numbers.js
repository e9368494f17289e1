/** Logits to shares that add up to 1. */
export function softmax(logits) {
    let highest = -Infinity;
    for (const logit of Array.from(logits))
        highest = Math.max(highest, logit);
    const powers = Array.from(logits, (logit) => Math.exp(logit - highest));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
}
/** Each logit to a probability of its own. */
export const sigmoid = (logits) => Array.from(logits, (x) => 1 / (1 + Math.exp(-x)));
/** The place of the highest value; of equal ones, the first. */
export function argmax(values) {
    let best = 0;
    for (let i = 1; i < values.length; i++)
        if ((values[i] ?? 0) > (values[best] ?? 0))
            best = i;
    return best;
}
/** Labels with their shares, each an own property whatever it is called: `__proto__` too. */
export const record = (labels, shares) => Object.fromEntries(labels.map((label, i) => [label, shares[i]]));
/** The most probable labels, best first; of equal ones the first of the model. */
export function best(labels, shares, count) {
    return labels
        .map((label, i) => ({ label, probability: shares[i] ?? 0 }))
        .sort((a, b) => b.probability - a.probability)
        .slice(0, count);
}
