/** The machine that is measured, as it describes itself; nothing that names a person or a network. */
import { inNode } from "./files.js";
export async function thisDevice() {
    if (inNode)
        return (await import("./node.js")).thisMachine();
    const hints = navigator.userAgentData;
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
