/** The part of onnxruntime-web and onnxruntime-node that is used here; the modules themselves fit. */
export interface OnnxRuntime {
    readonly InferenceSession: {
        create(model: Uint8Array, options: {
            intraOpNumThreads: number;
            interOpNumThreads: number;
            externalData?: readonly {
                path: string;
                data: Uint8Array;
            }[];
            executionProviders?: readonly string[];
            extra?: Record<string, unknown>;
        }): Promise<OnnxSession>;
    };
    readonly Tensor: {
        new (type: "int32" | "int64", data: Int32Array | BigInt64Array, shape: readonly number[]): object;
        new (type: "float32", data: Float32Array, shape: readonly number[]): object;
    };
    readonly env: {
        readonly wasm: {
            numThreads?: number;
        };
        readonly versions: {
            readonly node?: string;
            readonly web?: string;
        };
    };
}
export interface OnnxSession {
    run(feeds: Record<string, never>, fetches: readonly string[] | Record<string, never>): Promise<Record<string, {
        readonly data: unknown;
    }>>;
    release(): Promise<void>;
}
/** How a model is opened. */
export interface Options {
    /**
     * Threads of one answer; 2 unless told otherwise. In a browser the first model of a page decides for all, and
     * there is one only unless the page is cross-origin isolated.
     */
    readonly threads?: number;
    /** The folder with kit.json, the model and the tables: a URL, or a path in Node. The package's own by default. */
    readonly files?: string | URL;
    /** The runtime, where importing "onnxruntime-web/wasm" or "onnxruntime-node" by name won't do. */
    readonly onnxruntime?: OnnxRuntime;
    /** onnxruntime's execution providers, best first, such as ["webgpu", "wasm"]; its own choice by default. */
    readonly providers?: readonly string[];
    /**
     * In WebAssembly, keeps 4-bit and 8-bit weights of a decoder as they are: a third of the memory, and a ninth of the
     * speed. So are those of large decoders always.
     */
    readonly packed?: boolean;
    /** Ends loading. */
    readonly signal?: AbortSignal;
}
