/** WAV files, read as they are: a browser's decoder would resample them by a filter of its own. */
import type { RawAudio } from "./source.js";
/**
 * The channels of a WAV file (Multimedia Programming Interface and Data Specifications 1.0, 1991), of integers of 8
 * to 32 bits or of floats.
 *
 * @throws KitError it is no WAV file, or of another format.
 */
export declare function readWav(file: ArrayBuffer | Uint8Array): RawAudio;
