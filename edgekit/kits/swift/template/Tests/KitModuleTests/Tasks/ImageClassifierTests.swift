import Foundation
import KitModuleBenchmark
import XCTest

#if canImport(CoreGraphics)
import CoreGraphics
#endif

@testable import KitModule

typealias Label = ImageClassifier.Label

final class ImageClassifierTests: XCTestCase {
    func testProbabilitiesBelongToTheirLabels() async throws {
        let samples = try recorded()
        let classifier = try await ImageClassifier.load()
        for (place, one) in samples.enumerated() {
            let answer = try await classifier.classify(pixels: one.rgb, width: one.width, height: one.height)
            assertClose(Label.allCases.map { answer[$0]! }, one.output!, "image \(place)")
        }
    }

    func testTheTopLabelsComeBestFirst() async throws {
        let one = try XCTUnwrap(recorded().first)
        let top = try await ImageClassifier.load().top(2, pixels: one.rgb, width: one.width, height: one.height)
        XCTAssertEqual(top.count, min(2, Label.allCases.count))
        assertClose(top.map(\.probability), Array(one.output!.sorted(by: >).prefix(2)), "the first image")
    }

    #if canImport(CoreGraphics)
    func testAnImageOfCoreGraphicsHasTheSamePixels() async throws {
        for one in try recorded() {
            let opaque = one.rgb.indices.flatMap { $0 % 3 == 2 ? [one.rgb[$0], 255] : [one.rgb[$0]] }
            let provider = try XCTUnwrap(CGDataProvider(data: Data(opaque) as CFData))
            let image = try XCTUnwrap(
                CGImage(
                    width: one.width, height: one.height, bitsPerComponent: 8, bitsPerPixel: 32,
                    bytesPerRow: 4 * one.width, space: CGColorSpace(name: CGColorSpace.displayP3)!,
                    bitmapInfo: CGBitmapInfo(rawValue: CGImageAlphaInfo.last.rawValue), provider: provider,
                    decode: nil, shouldInterpolate: false, intent: .defaultIntent))
            XCTAssertEqual(try Pixels(image).values, opaque)
        }
    }
    #endif
}
