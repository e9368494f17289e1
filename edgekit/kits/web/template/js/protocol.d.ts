/**
 * edgekit's measuring protocol for one device: batch 1, one sample after the other.
 *
 * Every sample is timed twice: as what the model reads, made beforehand, and from the sample itself, end to end.
 * Samples are gone through as often as it takes to fill the minimum duration, at least once.
 */
import { type Device } from "./device.js";
import { type Kit } from "./files.js";
import type { Options } from "./options.js";
import type { Running } from "./running.js";
/** How long is measured. */
export interface Protocol {
    readonly minimumSeconds?: number;
    /** Untimed runs before the first timed one. */
    readonly warmup?: number;
}
/** A row of a result; docs/device-result.schema.json of edgekit describes it. */
export type Row = Readonly<Record<string, unknown>> & {
    readonly p50_ms?: number;
    readonly not_measured: string;
};
/** The content of a file for `edgekit bench import`. */
export interface DeviceResult {
    readonly format: "edgekit device result 1.0";
    readonly date_utc: string;
    readonly artifact: Kit["artifact"];
    readonly kit: {
        readonly platform: "web";
        readonly edgekit_version: string;
    };
    readonly device: Device;
    readonly rows: readonly Row[];
}
/** What is run, with the output that was verified for it, row after row. */
export interface Verified {
    readonly output: readonly number[];
}
/** What is measured: an engine, and what it reads of a sample. */
export interface Measured<Sample extends Verified, Input, Engine extends Running> {
    load(options: Options): Promise<Engine>;
    prepare(engine: Engine, sample: Sample): Input | Promise<Input>;
    run(engine: Engine, input: Input): Promise<Float32Array>;
}
/** Measures one way of running the model; what can't be measured is a row that says why. */
export type Measure<Sample> = (samples: readonly Sample[], options?: Options, protocol?: Protocol) => Promise<Row>;
export declare const measuring: <Sample extends Verified, Input, Engine extends Running>(measured: Measured<Sample, Input, Engine>) => Measure<Sample>;
/** Rows that were measured on this device, as one result. */
export declare function deviceResult(rows: readonly Row[], options?: Options): Promise<DeviceResult>;
/** The value below which `percent` of the values lie, between two neighbours in proportion (as NumPy's default). */
export declare function percentile(values: readonly number[], percent: number): number;
