/**
 * A clip as the model reads it: channels averaged, resampled as scipy.signal.resample_poly does it, the middle cut out.
 *
 * The filter is scipy's default: a sinc of ten periods of the lower rate on either side under a Kaiser window, whose
 * constant goes out with the scale that makes the taps add up. Sums are of 64 bits. Nothing outside the cut is computed.
 */
/** Sound, whatever holds it. */
export interface Clip {
    readonly frames: number;
    /** Frames a second. */
    readonly rate: number;
    /** The average of a frame's channels, in [-1, 1]. */
    mono(frame: number): number;
}
export interface Preparation {
    /** Hz. */
    readonly sampling_rate: number;
    /** Samples that the model reads. */
    readonly samples: number;
}
/** @throws KitError there is no frame, or the rate is none. */
export declare function prepare({ frames, rate, mono }: Clip, { sampling_rate: target, samples }: Preparation): Float32Array;
