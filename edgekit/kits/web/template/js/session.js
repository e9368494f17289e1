/** An open model, and what runs it. */
import { KitError } from "./error.js";
import { inNode } from "./files.js";
const THREADS = 2;
/** @throws KitError a file or the runtime isn't there, or the model can't be opened. */
export async function openSession(files, options) {
    const { model: file, weights, unpacked } = files.kit;
    const ort = options.onnxruntime ?? (await importRuntime());
    const native = "listSupportedBackends" in ort;
    // WebAssembly multiplies packed weights slowly; see the kit's README.
    const unpack = unpacked !== undefined && !native && !options.providers && !options.packed;
    const [model, data] = await Promise.all([
        files.bytes(unpack ? unpacked : file), weights === undefined ? undefined : files.bytes(weights),
    ]);
    options.signal?.throwIfAborted();
    const threads = native ? (options.threads ?? THREADS) : wasmThreads(ort, options.threads);
    try {
        const session = await ort.InferenceSession.create(model, {
            intraOpNumThreads: threads, interOpNumThreads: 1,
            ...(weights === undefined || data === undefined ? {} : { externalData: [{ path: weights, data }] }),
            ...(unpack ? { extra: { session: { disable_quant_qdq: "1" } } } : {}),
            ...(options.providers === undefined ? {} : { executionProviders: options.providers }),
        });
        const { versions } = ort.env;
        const runtime = native ? `onnxruntime-node ${versions.node}` : `onnxruntime-web ${versions.web}`;
        return { ort, session, threads, runtime, native };
    }
    catch (cause) {
        throw new KitError(`The model could not be opened (${cause instanceof Error ? cause.message : String(cause)}).`, "Free some memory, use a current browser, and give onnxruntime the version that package.json names.", cause);
    }
}
/** Set before the first model of a page is opened, and no more afterwards. */
function wasmThreads({ env: { wasm } }, threads) {
    const wanted = threads ?? Math.min(THREADS, globalThis.navigator?.hardwareConcurrency ?? 1);
    if (!globalThis.crossOriginIsolated)
        wasm.numThreads = 1;
    return (wasm.numThreads ||= wanted);
}
async function importRuntime() {
    try {
        return inNode ? await (await import("./node.js")).importRuntime() : await import("onnxruntime-web/wasm");
    }
    catch (cause) {
        const name = inNode ? "onnxruntime-node" : "onnxruntime-web";
        throw new KitError(`${name} could not be imported (${cause instanceof Error ? cause.message : String(cause)}).`, `Install ${name} in the version that package.json names, or give the module as the option \`onnxruntime\`.`, cause);
    }
}
