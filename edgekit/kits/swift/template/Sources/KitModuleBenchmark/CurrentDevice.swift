import Foundation

/// What the figures are measured on; nothing in it names a person or a network.
enum CurrentDevice {
    static var description: DeviceResult.Device {
        let process = ProcessInfo.processInfo
        return DeviceResult.Device(
            model: model,
            chip: chip,
            os: "\(osName) \(version(process.operatingSystemVersion))",
            logicalCores: process.activeProcessorCount,
            memoryBytes: Int(process.physicalMemory),
            simulated: simulated,
            lowPower: lowPower
        )
    }

    /// How far the system holds the processor back because it is hot: nil where it doesn't say.
    static var thermalState: String? {
        #if canImport(Darwin)
        switch ProcessInfo.processInfo.thermalState {
        case .nominal: return "nominal"
        case .fair: return "fair"
        case .serious: return "serious"
        case .critical: return "critical"
        @unknown default: return "unknown"
        }
        #else
        return nil
        #endif
    }

    /// Resident memory of this process at its highest so far.
    static var peakBytes: Int? {
        #if canImport(Darwin)
        var usage = rusage()
        return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : nil
        #else
        let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }.first.map { $0 * 1024 }
        #endif
    }

    private static var lowPower: Bool? {
        #if canImport(Darwin)
        return ProcessInfo.processInfo.isLowPowerModeEnabled
        #else
        return nil
        #endif
    }

    /// A simulator, or the stand-in for Core ML: figures that say nothing of a device.
    static var simulated: Bool {
        #if targetEnvironment(simulator) || os(Linux)
        return true
        #else
        return false
        #endif
    }

    private static var osName: String {
        #if os(macOS)
        return "macOS"
        #elseif os(iOS)
        return "iOS"
        #elseif os(Linux)
        return "Linux"
        #else
        return "other"
        #endif
    }

    /// "Mac14,2", "iPhone16,1"
    private static var model: String {
        #if os(macOS)
        return systemText("hw.model") ?? "Mac"
        #elseif canImport(Darwin)
        return systemText("hw.machine") ?? "unknown"
        #else
        return "stand-in"
        #endif
    }

    /// "Apple M2"; phones and tablets don't say.
    private static var chip: String? {
        #if os(macOS)
        return systemText("machdep.cpu.brand_string")
        #else
        return nil
        #endif
    }

    private static func version(_ version: OperatingSystemVersion) -> String {
        "\(version.majorVersion).\(version.minorVersion).\(version.patchVersion)"
    }

    #if canImport(Darwin)
    private static func systemText(_ name: String) -> String? {
        var size = 0
        guard sysctlbyname(name, nil, &size, nil, 0) == 0, size > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: size)
        guard sysctlbyname(name, &bytes, &size, nil, 0) == 0 else { return nil }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    #endif
}
