import XCTest

@testable import KitModule

final class EmbedderTests: XCTestCase {
    func testATextIsMostLikeItself() async throws {
        let sample = try XCTUnwrap(recorded().first)
        let embedder = try await Embedder.load()
        assertClose(try await embedder.embed(sample.text), sample.output!, sample.text)
        let similarity = try await embedder.similarity(sample.text, sample.text)
        XCTAssertEqual(similarity, 1, accuracy: 1e-3)
    }
}
