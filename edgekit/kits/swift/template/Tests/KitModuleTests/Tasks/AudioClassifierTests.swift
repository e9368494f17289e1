import Foundation
import KitModuleBenchmark
import XCTest

#if canImport(AVFAudio)
import AVFAudio
#endif

@testable import KitModule

typealias Label = AudioClassifier.Label

final class AudioClassifierTests: XCTestCase {
    func testProbabilitiesBelongToTheirLabels() async throws {
        let samples = try recorded()
        let classifier = try await AudioClassifier.load()
        for (place, one) in samples.enumerated() {
            let answer = try await classifier.classify(samples: one.values, sampleRate: one.rate)
            assertClose(Label.allCases.map { answer[$0]! }, one.output!, "clip \(place)")
            let both = try await classifier.classify(channels: [one.values, one.values], sampleRate: one.rate)
            assertClose(Label.allCases.map { both[$0]! }, one.output!, "clip \(place), twice")
        }
    }

    func testTheTopLabelsComeBestFirst() async throws {
        let one = try XCTUnwrap(recorded().first)
        let top = try await AudioClassifier.load().top(2, samples: one.values, sampleRate: one.rate)
        XCTAssertEqual(top.count, min(2, Label.allCases.count))
        assertClose(top.map(\.probability), Array(one.output!.sorted(by: >).prefix(2)), "the first clip")
    }

    #if canImport(AVFAudio)
    func testABufferHasTheSameSamples() async throws {
        for one in try recorded() {
            for interleaved in [false, true] {
                let format = try XCTUnwrap(
                    AVAudioFormat(
                        commonFormat: .pcmFormatInt16, sampleRate: Double(one.rate), channels: 2,
                        interleaved: interleaved))
                let count = AVAudioFrameCount(one.values.count)
                let buffer = try XCTUnwrap(AVAudioPCMBuffer(pcmFormat: format, frameCapacity: count))
                buffer.frameLength = count
                let data = try XCTUnwrap(buffer.int16ChannelData)
                for (frame, value) in one.values.enumerated() {
                    for channel in 0..<2 { data[channel][frame * buffer.stride] = Int16(value * 32_768) }
                }
                XCTAssertEqual(try Clip(buffer).channels, [one.values, one.values])
            }
        }
    }
    #endif
}
