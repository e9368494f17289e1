/** The kit's files, wherever they lie. */
import type { Options } from "./options.js";
/** kit.json */
export interface Kit {
    readonly format: string;
    readonly edgekit_version: string;
    readonly artifact: {
        readonly name: string;
        readonly target: string;
        readonly precision: string;
        readonly task: string;
        readonly sha256: string;
        readonly size_bytes: number;
        readonly parameters: number;
    };
    readonly model: string;
    /** The file with the model's weights, where they are in one of their own. */
    readonly weights?: string;
    /** The model for WebAssembly: the same weights, which it unpacks when it is opened. */
    readonly unpacked?: string;
    readonly inputs: Readonly<Record<string, "int32" | "int64" | "float32">>;
    readonly output: string;
    readonly labels: readonly string[];
    readonly max_length: number | null;
    /** Of a model for images: how they are prepared, in pixels. */
    readonly image?: {
        readonly size: number;
        readonly shortest_edge: number;
    };
    /** Of a model for clips: what it hears, in Hz and samples. */
    readonly audio?: {
        readonly sampling_rate: number;
        readonly samples: number;
    };
    /** Of every other file, as fetch takes it. */
    readonly integrity: Readonly<Record<string, string>>;
}
export interface Files {
    readonly kit: Kit;
    bytes(name: string): Promise<Uint8Array>;
    text(name: string): Promise<string>;
}
export declare const inNode: boolean;
/**
 * Reads kit.json; the other files are read when they are asked for.
 *
 * @throws KitError a file isn't there, or is another one than this kit's.
 */
export declare function openFiles({ files, signal }: Options): Promise<Files>;
