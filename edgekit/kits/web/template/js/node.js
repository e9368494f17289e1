/** What only Node has. Other surroundings never import this file, and bundlers for browsers leave it out. */
import { readFile } from "node:fs/promises";
import { arch, availableParallelism, cpus, release, totalmem, type } from "node:os";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
export const readBytes = (url, signal) => readFile(url, signal ? { signal } : {});
export const folderUrl = (path) => pathToFileURL(`${resolve(path)}/`);
export const thisMachine = () => ({
    model: `${type()} ${arch()}`,
    chip: cpus()[0]?.model.trim() || null,
    os: `${type()} ${release()}, Node ${process.versions.node}`,
    logical_cores: availableParallelism(),
    memory_bytes: totalmem(),
    simulated: false,
    low_power: null,
});
/** Resident memory of this process at its highest so far. */
export const peakBytes = () => 1024 * process.resourceUsage().maxRSS;
export const importRuntime = () => import("onnxruntime-node");
