import Foundation

/// What can go wrong with the package itself; Core ML's own errors are passed on as they are.
public enum KitError: LocalizedError, Equatable, Sendable {
    case missingFile(String)
    case damagedFile(String)
    case noAnswer(output: String)
    case textCannotBeCut
    case textTooLong(tokens: Int, context: Int)
    case nothingToRead
    case noChat
    case rolesOutOfOrder(before: String, after: String)
    case optionOutOfRange(String)
    case noImage(values: Int, width: Int, height: Int)
    case unreadableImage(width: Int, height: Int)

    public var errorDescription: String? {
        switch self {
        case .missingFile(let name): return "\(name) is not in the app: the package was copied without it."
        case .damagedFile(let name): return "\(name) can't be read: copy the package again."
        case .noAnswer(let output): return "The model gave no \(output): it is not the one of this package."
        case .textCannotBeCut: return "The text that may be cut is too short to make room for the other one."
        case .textTooLong(let tokens, let context):
            return "The text has \(tokens) tokens, and the model holds \(context), its own among them: shorten it."
        case .nothingToRead: return "There is no text to go on with: give at least one word."
        case .noChat: return "This model was not made for conversations: give it a text to go on with."
        case .rolesOutOfOrder(let before, let after):
            return "In this model's conversations \(after) can't follow \(before): put the messages in another order."
        case .optionOutOfRange(let rule): return "\(rule): choose a value in range."
        case .noImage(let values, let width, let height):
            return "\(values) values are no image of \(width) × \(height) pixels: give red, green, blue (and opacity) "
                + "of every pixel, row after row."
        case .unreadableImage(let width, let height):
            return "The image of \(width) × \(height) pixels can't be drawn: give a smaller one, or its pixels."
        }
    }
}
