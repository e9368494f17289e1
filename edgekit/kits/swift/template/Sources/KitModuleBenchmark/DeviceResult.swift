import Foundation
import KitModule

/// What `edgekit bench import` reads; docs/device-result.schema.json of edgekit says what each field means.
public struct DeviceResult: Codable, Sendable {
    public let format: String
    public let dateUtc: String
    public let artifact: Artifact
    public let kit: Kit
    public let device: Device
    public let rows: [Row]

    public struct Artifact: Codable, Sendable {
        public let name: String
        public let target: String
        public let precision: String
        public let task: String
        public let sha256: String
        public let sizeBytes: Int
        public let parameters: Int
    }

    public struct Kit: Codable, Sendable {
        public let platform: String
        public let edgekitVersion: String
    }

    public struct Device: Codable, Sendable {
        public let model: String
        public let chip: String?
        public let os: String
        public let logicalCores: Int
        public let memoryBytes: Int
        public let simulated: Bool
        public let lowPower: Bool?
    }

    public struct Row: Codable, Sendable {
        public let `protocol`: String
        public let runtime: String
        public let computeUnits: String?
        public let texts: Int
        public let warmup: Int
        public let runs: Int
        public let minimumSeconds: Double
        public let loadMs: Double?
        public let passSeconds: Double?
        public let p50Ms, p90Ms, p99Ms: Double?
        public let endToEndP50Ms, endToEndP90Ms, endToEndP99Ms: Double?
        public let peakBytes: Int?
        public let thermalBefore, thermalAfter: String?
        public let answers: Answers?
        public var generation: [Generation]?
        public let notMeasured: String
    }

    /// How quickly a decoder goes on after a prompt of one length.
    public struct Generation: Codable, Sendable {
        public let promptTokens: Int
        public let newTokens: Int // after the first
        public let runs: Int
        public let firstTokenP50Ms: Double
        public let firstTokenP90Ms: Double
        public let tokensPerSecond: Double
        public let tokensPerSecondSd: Double?
        public let nextTokenP50Ms: Double
        public let nextTokenP99Ms: Double
    }

    /// The device's answers beside the verified ones.
    public struct Answers: Codable, Sendable {
        public let samples: Int
        public var maxAbsError: Double?
        public var labelAgreement: Double?
        public var tokenAgreement: Double?
    }

    /// A result of this package, of now and here.
    package init(rows: [Row]) {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "UTC")
        format.dateFormat = "yyyy-MM-dd'T'HH:mm:ss'Z'"
        self.format = "edgekit device result 1.0"
        dateUtc = format.string(from: Date())
        artifact = Artifact(
            name: KitInfo.name, target: "coreml", precision: KitInfo.precision, task: KitInfo.task,
            sha256: KitInfo.sha256, sizeBytes: KitInfo.sizeBytes, parameters: KitInfo.parameters)
        kit = Kit(platform: "swift", edgekitVersion: KitInfo.edgekitVersion)
        device = CurrentDevice.description
        self.rows = rows
    }

    /// JSON, keys in order.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }

    package static func read(_ data: Data) throws -> DeviceResult {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(DeviceResult.self, from: data)
    }
}
