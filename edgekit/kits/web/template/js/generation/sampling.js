/** How the next token is chosen from logits: the filters of `edgekit generate`, in the same order. */
import { KitError } from "../error.js";
/** @throws KitError a value out of range. */
export function check({ repetitionPenalty: r = 1, temperature: t = 0, topK: k = 0, topP: p = 1, minP: m = 0, seed: s }) {
    const wrong = !(r > 0) ? "repetitionPenalty must be above 0"
        : !(t >= 0) ? "temperature must not be negative"
            : !(k >= 0) ? "topK must not be negative"
                : !(p > 0 && p <= 1) ? "topP must be above 0 and at most 1"
                    : !(m >= 0 && m <= 1) ? "minP must be 0 to 1"
                        : s !== undefined && !(Number.isSafeInteger(s) && s >= 0) ? "seed must be a whole number from 0 to 2⁵³ − 1"
                            : undefined;
    if (wrong)
        throw new KitError(`${wrong}.`, "Choose a value in range.");
}
/** SplitMix64: every kit draws the same numbers for a seed. */
export class Random {
    state;
    constructor(seed = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)) {
        this.state = BigInt(seed);
    }
    /** From 0 up to, not including, 1. */
    next() {
        const low = (value) => BigInt.asUintN(64, value);
        this.state = low(this.state + 0x9e3779b97f4a7c15n);
        let z = this.state;
        z = low((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
        z = low((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
        return Number((z ^ (z >> 31n)) >> 11n) / 2 ** 53;
    }
}
/**
 * The next token.
 *
 * @param seen the tokens so far, prompt included.
 */
export function choose(logits, sampling, seen, random) {
    const { temperature = 0, topK = 0, topP = 1, minP = 0 } = sampling;
    const scores = penalised(logits, sampling.repetitionPenalty ?? 1, seen);
    if (temperature === 0)
        return highest(scores);
    for (let i = 0; i < scores.length; i++)
        scores[i] = at(scores, i) / temperature;
    if (topK > 0 && topK < scores.length) {
        const least = at(scores.slice().sort(), scores.length - topK);
        for (let i = 0; i < scores.length; i++)
            if (at(scores, i) < least)
                scores[i] = -Infinity;
    }
    const shares = softmax(scores);
    if (topP < 1)
        keepMass(shares, topP);
    if (minP > 0) {
        const least = minP * at(shares, highest(shares));
        for (let i = 0; i < shares.length; i++)
            if (at(shares, i) < least)
                shares[i] = 0;
    }
    return draw(shares, random.next());
}
function penalised(logits, penalty, seen) {
    const scores = Float64Array.from(logits);
    if (penalty === 1)
        return scores;
    for (const token of new Set(seen)) {
        const score = at(scores, token);
        scores[token] = score > 0 ? score / penalty : score * penalty;
    }
    return scores;
}
function softmax(scores) {
    const most = at(scores, highest(scores));
    const powers = scores.map((score) => Math.exp(score - most));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
}
/** Keeps the likeliest tokens until those before have `mass` together; of equal ones the first. */
function keepMass(shares, mass) {
    const sorted = shares.slice().sort().reverse();
    let [kept, sum] = [0, 0];
    for (; kept < sorted.length; kept++) {
        sum += at(sorted, kept);
        if (sum - at(sorted, kept) >= mass)
            break;
    }
    const least = at(sorted, kept - 1);
    let equal = kept - sorted.findIndex((share) => share === least); // as many of these stay
    for (let i = 0; i < shares.length; i++) {
        if (at(shares, i) < least || (shares[i] === least && equal-- <= 0))
            shares[i] = 0;
    }
}
/** The first place at which the sum so far exceeds this part of the whole. */
function draw(shares, part) {
    const whole = shares.reduce((a, b) => a + b, 0);
    let [sum, last] = [0, 0];
    for (let i = 0; i < shares.length; i++) {
        const share = at(shares, i);
        if (!share)
            continue;
        sum += share;
        last = i;
        if (sum > part * whole)
            break;
    }
    return last;
}
/** Of equal ones, the first. */
function highest(values) {
    let best = 0;
    for (let i = 1; i < values.length; i++)
        if (at(values, i) > at(values, best))
            best = i;
    return best;
}
const at = (values, place) => values[place];
