import Foundation

extension DeviceResult.Row {
    /// One line for people.
    public var summary: String {
        let name = (computeUnits ?? runtime).padding(toLength: 20, withPad: " ", startingAt: 0)
        let heat = thermalAfter ?? "thermal state unknown"
        if let generation {
            return "\(name) \(generation.map(\.summary).joined(separator: "; "))  (\(heat))"
        }
        guard let p50Ms, let p90Ms, let p99Ms, let endToEndP50Ms else { return "\(name) not measured: \(notMeasured)" }
        let figures = String(
            format: "p50 %.2f  p90 %.2f  p99 %.2f  end to end %.2f ms", p50Ms, p90Ms, p99Ms, endToEndP50Ms)
        return "\(name) \(figures)  (\(runs) runs, \(heat))"
    }
}

extension DeviceResult.Generation {
    fileprivate var summary: String {
        let spread = tokensPerSecondSd.map { String(format: " ± %.1f", $0) } ?? ""
        let figures = String(format: "first after %.1f ms, then %.1f", firstTokenP50Ms, tokensPerSecond)
        return "\(promptTokens) tokens of prompt: \(figures)\(spread) a second"
    }
}
