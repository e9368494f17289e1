import CoreML
import Foundation

/// Core ML runs compiled models. The package's is compiled by the device at its first load, and kept.
enum CompiledModel {
    /// - Parameter make: opens the model that is compiled at a place.
    static func open<Opened>(_ make: (URL) throws -> Opened) async throws -> Opened {
        if let compiled = Bundle.module.url(forResource: "Model", withExtension: "mlmodelc") {
            return try make(compiled) // Xcode did it while building the app
        }
        let kept = try await compiled()
        do {
            return try make(kept)
        } catch {
            // A system update can outdate what was kept, and a full disk can leave half of it.
            try? FileManager.default.removeItem(at: kept)
            return try make(await compiled())
        }
    }

    private static func compiled() async throws -> URL {
        let files = FileManager.default
        let kept = try folder().appendingPathComponent("\(KitInfo.sha256).mlmodelc", isDirectory: true)
        if files.fileExists(atPath: kept.path) { return kept }
        let made = try await MLModel.compileModel(at: KitFiles.url("Model.mlpackage"))
        do {
            try files.moveItem(at: made, to: kept)
        } catch {
            // Another load was quicker; otherwise the error is about the disk.
            guard files.fileExists(atPath: kept.path) else { throw error }
            try? files.removeItem(at: made)
        }
        return kept
    }

    /// The system empties it when space is short; then the model is compiled again.
    private static func folder() throws -> URL {
        let caches = try FileManager.default.url(
            for: .cachesDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
        let folder = caches.appendingPathComponent("edgekit", isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }
}
