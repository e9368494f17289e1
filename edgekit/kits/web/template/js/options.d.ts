/** The part of onnxruntime-web and onnxruntime-node that is used here; the modules themselves fit. */
export interface OnnxRuntime {
    readonly InferenceSession: {
        create(model: Uint8Array, options: {
            intraOpNumThreads: number;
            interOpNumThreads: number;
        }): Promise<OnnxSession>;
    };
    readonly Tensor: new (type: "int32" | "int64", data: Int32Array | BigInt64Array, shape: readonly number[]) => object;
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
    run(feeds: Record<string, never>, fetches: readonly string[]): Promise<Record<string, {
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
    /** Ends loading. */
    readonly signal?: AbortSignal;
}
