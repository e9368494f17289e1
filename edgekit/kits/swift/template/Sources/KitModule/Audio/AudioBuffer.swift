#if canImport(AVFAudio)
import AVFAudio

extension Clip {
    /// The buffer's samples as they are: floats, or integers of 16 or 32 bits divided by their full scale.
    ///
    /// - Throws: `KitError.unreadableSound`: its format is another. `KitError.noClip`: it is empty.
    init(_ buffer: AVAudioPCMBuffer) throws {
        let count = Int(buffer.format.channelCount), frames = Int(buffer.frameLength)
        let channels: [[Float]]
        if let data = buffer.floatChannelData {
            channels = Self.values(data, count, frames, buffer.stride) { $0 }
        } else if let data = buffer.int16ChannelData {
            channels = Self.values(data, count, frames, buffer.stride) { Float($0) / 32_768 }
        } else if let data = buffer.int32ChannelData {
            channels = Self.values(data, count, frames, buffer.stride) { Float(Double($0) / 2_147_483_648) }
        } else {
            throw KitError.unreadableSound(format: buffer.format.description)
        }
        guard let rate = Int(exactly: buffer.format.sampleRate) else {
            throw KitError.unreadableSound(format: buffer.format.description)
        }
        try self.init(channels, rate: rate)
    }

    /// Also of a buffer that holds the channels of a frame beside each other.
    private static func values<Sample>(
        _ data: UnsafePointer<UnsafeMutablePointer<Sample>>, _ count: Int, _ frames: Int, _ stride: Int,
        _ value: (Sample) -> Float
    ) -> [[Float]] {
        (0..<count).map { channel in (0..<frames).map { value(data[channel][$0 * stride]) } }
    }
}

extension AudioClassifier {
    /// The probability of every label; together they are 1. The buffer may be of any length, rate and number of
    /// channels: give what the microphone or the file has, without an `AVAudioConverter`.
    ///
    /// - Throws: `KitError.unreadableSound`: its format is not floats or integers of 16 or 32 bits.
    public func classify(_ buffer: AVAudioPCMBuffer) async throws -> [Label: Float] {
        try await classify(Clip(buffer))
    }

    /// The most probable labels, best first.
    public func top(
        _ count: Int = 1, of buffer: AVAudioPCMBuffer
    ) async throws -> [(label: Label, probability: Float)] {
        try await top(count, of: Clip(buffer))
    }
}
#endif
