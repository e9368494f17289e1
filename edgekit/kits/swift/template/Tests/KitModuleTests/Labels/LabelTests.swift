import KitModuleBenchmark
import XCTest

@testable import KitModule

final class LabelTests: XCTestCase {
    func testEveryLabelIsFoundByItsNameAndItsNumber() throws {
        XCTAssertEqual(Label.allCases.map(\.rawValue), Array(KitInfo.labels.indices))
        for label in Label.allCases {
            XCTAssertEqual(Label(name: label.name), label)
            XCTAssertEqual(Label(rawValue: label.rawValue), label)
            XCTAssertEqual("\(label)", KitInfo.labels[label.rawValue])
        }
        XCTAssertNil(Label(rawValue: KitInfo.labels.count))
    }

    func testLabelsReadAsTheModelSaysThem() throws {
        XCTAssertEqual(KitInfo.labels.map { Array($0.utf8) }, try Sample.labels().map { Array($0.utf8) })
    }
}
