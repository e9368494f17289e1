/**
 * edgekit's measuring protocol for one device: batch 1, one text after the other.
 *
 * Every text is timed twice: as tokens that were made beforehand, and from the text itself, end to end. Texts are
 * gone through as often as it takes to fill the minimum duration, at least once.
 */
import { type Device } from "./device.js";
import { type Kit } from "./files.js";
import type { Options } from "./options.js";
/** A text, and the verified output for it, row after row. */
export interface Sample {
    readonly text: string;
    readonly pair?: string;
    /** The model's inputs by name. */
    readonly tokens: Readonly<Record<string, readonly number[]>>;
    readonly output: readonly number[];
    /** The number of every word's tag; null: no token of it was read. */
    readonly tags?: readonly (number | null)[];
}
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
/** Reads the content of samples.json, whose texts are UTF-8 in hex. */
export declare function readSamples(json: string): Sample[];
/** One way of running the model; what can't be measured is a row that says why. */
export declare function measure(samples: readonly Sample[], options?: Options, protocol?: Protocol): Promise<Row>;
/** Rows that were measured on this device, as one result. */
export declare function deviceResult(rows: readonly Row[], options?: Options): Promise<DeviceResult>;
