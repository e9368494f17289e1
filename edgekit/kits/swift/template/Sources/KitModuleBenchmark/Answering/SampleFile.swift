import Foundation
import KitModule

/// samples.json: the samples of this package's kind, and how the model names its classes.
extension Sample {
    package static func file() throws -> URL {
        guard let url = Bundle.module.url(forResource: "samples", withExtension: "json") else {
            throw KitError.missingFile("samples.json")
        }
        return url
    }

    /// Names of the classes, as the model knows them.
    package static func labels() throws -> [String] {
        try read(file(), as: Nothing.self).model.labels
    }

    static func rows<Row: Decodable>(_ file: URL) throws -> [Row] {
        try read(file, as: Row.self).samples
    }

    private static func read<Row: Decodable>(_ file: URL, as row: Row.Type) throws -> File<Row> {
        try JSONDecoder().decode(File<Row>.self, from: Data(contentsOf: file))
    }

    private struct Nothing: Decodable {}
}

private struct File<Row: Decodable>: Decodable {
    let model: Interface
    let samples: [Row]

    struct Interface: Decodable {
        let labels: [String]
    }
}
