/**
 * edgekit's measuring protocol for one device: batch 1, one sample after the other.
 *
 * Every sample is timed twice: as what the model reads, made beforehand, and from the sample itself, end to end.
 * Samples are gone through as often as it takes to fill the minimum duration, at least once.
 */
import { thisDevice } from "./device.js";
import { inNode, openFiles } from "./files.js";
import { argmax } from "./numbers.js";
const CLASSIFIERS = ["text-classification", "image-classification", "audio-classification"];
export const measuring = (measured) => async (samples, options = {}, { minimumSeconds = 10, warmup = 20 } = {}) => {
    const row = {
        protocol: "device: batch 1, one model, in turn", runtime: "none", compute_units: inNode ? "cpu" : "wasm",
        texts: samples.length, minimum_seconds: minimumSeconds,
    };
    let engine;
    try {
        const began = performance.now();
        const opened = engine = await measured.load(options);
        const load_ms = performance.now() - began;
        const used = { ...row, runtime: engine.runtime, threads: engine.threads };
        const prepare = (sample) => measured.prepare(opened, sample);
        const run = (input) => measured.run(opened, input);
        const inputs = [];
        for (const sample of samples)
            inputs.push(await prepare(sample));
        const answers = await compare(samples, inputs, run, opened.kit.artifact.task);
        for (let i = 0; i < warmup; i++)
            await run(inputs[i % inputs.length]);
        const times = await time(samples, inputs, prepare, run, minimumSeconds);
        return {
            ...used, warmup, runs: times.run.length, load_ms,
            pass_seconds: percentile(times.passes, 50) / 1000,
            p50_ms: percentile(times.run, 50), p90_ms: percentile(times.run, 90), p99_ms: percentile(times.run, 99),
            end_to_end_p50_ms: percentile(times.endToEnd, 50),
            end_to_end_p90_ms: percentile(times.endToEnd, 90),
            end_to_end_p99_ms: percentile(times.endToEnd, 99),
            peak_bytes: inNode ? (await import("./node.js")).peakBytes() : null,
            answers,
            not_measured: inNode ? "" : "peak memory: a page can't read it",
        };
    }
    catch (error) {
        options.signal?.throwIfAborted();
        return { ...row, warmup: 0, runs: 0, not_measured: error instanceof Error ? error.message : String(error) };
    }
    finally {
        await engine?.close();
    }
};
/** Rows that were measured on this device, as one result. */
export async function deviceResult(rows, options = {}) {
    const { kit } = await openFiles(options);
    return {
        format: "edgekit device result 1.0",
        date_utc: `${new Date().toISOString().slice(0, 19)}Z`,
        artifact: kit.artifact,
        kit: { platform: "web", edgekit_version: kit.edgekit_version },
        device: await thisDevice(),
        rows,
    };
}
/** Milliseconds. */
async function time(samples, inputs, prepare, run, minimumSeconds) {
    const times = { run: [], endToEnd: [], passes: [] };
    const began = performance.now();
    do {
        let pass = 0;
        for (const [i, sample] of samples.entries()) {
            const start = performance.now();
            await run(inputs[i]);
            const middle = performance.now();
            await run(await prepare(sample));
            times.endToEnd.push(performance.now() - middle);
            times.run.push(middle - start);
            pass += middle - start;
        }
        times.passes.push(pass);
    } while (performance.now() - began < 1000 * minimumSeconds);
    return times;
}
/** The device's answers beside the verified ones. */
async function compare(samples, inputs, run, task) {
    let [error, agreed] = [0, 0];
    for (const [i, { output }] of samples.entries()) {
        const given = await run(inputs[i]);
        if (given.length !== output.length || !given.every(Number.isFinite)) {
            throw new Error(`The model gave no ${output.length} finite numbers.`);
        }
        output.forEach((expected, n) => (error = Math.max(error, Math.abs(expected - (given[n] ?? NaN)))));
        if (argmax(given) === argmax(output))
            agreed++;
    }
    const share = CLASSIFIERS.includes(task) ? agreed / samples.length : null;
    return { samples: samples.length, max_abs_error: error, label_agreement: share };
}
/** The value below which `percent` of the values lie, between two neighbours in proportion (as NumPy's default). */
export function percentile(values, percent) {
    const sorted = [...values].sort((a, b) => a - b);
    const place = (percent / 100) * (sorted.length - 1);
    const below = sorted[Math.floor(place)] ?? NaN;
    return below + ((sorted[Math.ceil(place)] ?? NaN) - below) * (place % 1);
}
