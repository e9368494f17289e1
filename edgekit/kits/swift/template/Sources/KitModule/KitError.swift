import Foundation

/// What can go wrong with the package itself; Core ML's own errors are passed on as they are.
public enum KitError: LocalizedError, Equatable, Sendable {
    case missingFile(String)
    case damagedFile(String)
    case noAnswer(output: String)
    case textCannotBeCut

    public var errorDescription: String? {
        switch self {
        case .missingFile(let name): return "\(name) is not in the app: the package was copied without it."
        case .damagedFile(let name): return "\(name) can't be read: copy the package again."
        case .noAnswer(let output): return "The model gave no \(output): it is not the one of this package."
        case .textCannotBeCut: return "The text that may be cut is too short to make room for the other one."
        }
    }
}
