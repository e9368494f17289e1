/// Sound as its samples.
package struct Clip: Sendable {
    let channels: [[Float]] // of each as many samples, from -1 to 1
    let rate: Int // samples a second

    static let highestRate = 384_000

    /// - Throws: `KitError.noClip`: there is no sample, a channel is of another length, or the rate is none.
    package init(_ channels: [[Float]], rate: Int) throws {
        let frames = channels.first?.count ?? 0
        guard frames > 0, channels.allSatisfy({ $0.count == frames }), 1...Self.highestRate ~= rate else {
            throw KitError.noClip(channels: channels.count, frames: frames, rate: rate)
        }
        (self.channels, self.rate) = (channels, rate)
    }

    var frames: Int { channels[0].count }

    /// The average of a frame's channels.
    func mono(_ frame: Int) -> Double {
        channels.reduce(0) { $0 + Double($1[frame]) } / Double(channels.count)
    }
}
