/** An open model, and what runs it. */
import { type Files } from "./files.js";
import type { OnnxRuntime, OnnxSession, Options } from "./options.js";
export interface Opened {
    readonly ort: OnnxRuntime;
    readonly session: OnnxSession;
    readonly threads: number;
    /** With its version. */
    readonly runtime: string;
    /** onnxruntime-node: tensors are read and written where they lie, and the event loop is free meanwhile. */
    readonly native: boolean;
}
/** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
export declare function openSession(files: Files, options: Options): Promise<Opened>;
