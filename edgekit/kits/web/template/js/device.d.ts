/** The machine that is measured, as it describes itself; nothing that names a person or a network. */
export interface Device {
    readonly model: string;
    readonly chip: string | null;
    readonly os: string;
    readonly logical_cores: number;
    readonly memory_bytes: number | null;
    readonly simulated: boolean;
    readonly low_power: boolean | null;
}
export declare function thisDevice(): Promise<Device>;
