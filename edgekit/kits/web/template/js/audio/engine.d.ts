/** Sound in, numbers out. */
import type { Options } from "../options.js";
import { Running } from "../running.js";
import { type Preparation } from "./prepare.js";
import { type AudioSource } from "./source.js";
/** A preparation and an open session. Clips that are asked for at the same time are answered in turn. */
export declare class AudioEngine extends Running {
    private constructor();
    /** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
    static load(options?: Options): Promise<AudioEngine>;
    get preparation(): Preparation;
    /** The output, a number for each label. A clip is prepared when it is its turn. */
    run(audio: AudioSource): Promise<Float32Array>;
    /** The same of samples that are prepared. */
    runSamples(samples: Float32Array): Promise<Float32Array>;
    /** The samples as the model reads them. */
    prepare(audio: AudioSource): Float32Array;
    private feeds;
}
