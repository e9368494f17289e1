/** The machine that is measured, as it describes itself; nothing that names a person or a network. */

import { inNode } from "./files.js";

export interface Device {
  readonly model: string;
  readonly chip: string | null;
  readonly os: string;
  readonly logical_cores: number;
  readonly memory_bytes: number | null;
  readonly simulated: boolean;
  readonly low_power: boolean | null;
}

/** Chromium's, and not in TypeScript's library: https://wicg.github.io/ua-client-hints/ */
interface ClientHints {
  readonly platform: string;
  getHighEntropyValues(names: string[]): Promise<{
    model?: string;
    platformVersion?: string;
    fullVersionList?: { brand: string; version: string }[];
  }>;
}

export async function thisDevice(): Promise<Device> {
  if (inNode) return (await import("./node.js")).thisMachine();
  const hints = (navigator as { userAgentData?: ClientHints }).userAgentData;
  const more = await hints?.getHighEntropyValues(["model", "platformVersion", "fullVersionList"]);
  const browser = more?.fullVersionList?.filter(({ brand }) => !/not.*brand/i.test(brand)).at(-1);
  return {
    model: more?.model || hints?.platform || navigator.platform || "unknown",
    chip: null,
    os: browser && more
      ? `${hints?.platform} ${more.platformVersion ?? ""}`.trim() + `, ${browser.brand} ${browser.version}`
      : navigator.userAgent,
    logical_cores: navigator.hardwareConcurrency || 1,
    memory_bytes: null,
    simulated: false,
    low_power: null,
  };
}
