/**
 * A clip as the model reads it: channels averaged, resampled as scipy.signal.resample_poly does it, the middle cut out.
 *
 * The filter is scipy's default: a sinc of ten periods of the lower rate on either side under a Kaiser window, whose
 * constant goes out with the scale that makes the taps add up. Sums are of 64 bits. Nothing outside the cut is computed.
 */
import { KitError } from "../error.js";
const PERIODS = 10; // of the lower rate, on either side of the filter's middle
const BETA = 5; // of the Kaiser window
const HIGHEST_RATE = 384_000; // Hz
/** Of the clip that was prepared last; the next one is mostly of the same rate. */
let known;
/** @throws KitError there is no frame, or the rate is none. */
export function prepare({ frames, rate, mono }, { sampling_rate: target, samples }) {
    if (!(frames > 0) || !Number.isInteger(rate) || rate < 1 || rate > HIGHEST_RATE) {
        throw new KitError(`${frames} frames at ${rate} Hz are no clip.`, "Give at least one sample, all channels of one length, and the whole number of samples a second.");
    }
    const { up, down, taps } = (known = filterOf(target, rate));
    const half = taps.length - 1;
    const length = Math.ceil((frames * up) / down);
    // Towards zero: a longer clip begins at the lower half, a shorter one has the lower half of zeros before.
    const first = Math.trunc((length - samples) / 2);
    const begin = Math.max(first, 0);
    const end = Math.min(first + samples, length);
    const firstFrame = (place) => Math.max(Math.ceil(place / up), 0);
    const endFrame = (place) => Math.min(Math.floor(place / up) + 1, frames);
    const low = firstFrame(begin * down - half);
    const averages = new Float64Array(endFrame((end - 1) * down + half) - low);
    for (let i = 0; i < averages.length; i++)
        averages[i] = mono(low + i);
    const made = new Float32Array(samples);
    for (let place = begin; place < end; place++) {
        const centre = place * down; // in steps of the rate that both divide
        const last = endFrame(centre + half);
        let sum = 0;
        for (let frame = firstFrame(centre - half); frame < last; frame++) {
            sum += taps[Math.abs(centre - frame * up)] * averages[frame - low];
        }
        made[place - first] = sum;
    }
    return made;
}
function filterOf(target, rate) {
    const divisor = greatestDivisor(target, rate);
    const [up, down] = [target / divisor, rate / divisor];
    return known?.up === up && known.down === down ? known : { up, down, taps: filterTaps(up, down) };
}
const greatestDivisor = (a, b) => (b === 0 ? a : greatestDivisor(b, a % b));
function filterTaps(up, down) {
    if (up === down)
        return Float64Array.of(1);
    const widest = Math.max(up, down);
    const half = PERIODS * widest;
    const taps = Float64Array.from({ length: half + 1 }, (_, place) => {
        const angle = (Math.PI * place) / widest;
        return (place ? Math.sin(angle) / angle : 1) * besselI0(BETA * Math.sqrt(1 - (place / half) ** 2));
    });
    const sum = taps.reduce((total, tap) => total + 2 * tap, -taps[0]);
    return taps.map((tap) => (tap * up) / sum);
}
/** The modified Bessel function of order 0: the sum of (x²/4)^k / (k!)². */
function besselI0(x) {
    let sum = 1;
    for (let k = 1, term = 1; term > 1e-17 * sum; k++) {
        term *= (x / (2 * k)) ** 2;
        sum += term;
    }
    return sum;
}
