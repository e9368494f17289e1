/// Something that was said in a conversation.
public struct Message: Hashable, Sendable {
    public enum Role: String, Sendable {
        case system, user, assistant
    }

    public var role: Role
    public var content: String

    public init(_ role: Role, _ content: String) {
        self.role = role
        self.content = content
    }
}

/// A conversation as a prompt: the text that stands before, between and after what two roles say.
struct ChatTemplate: Sendable {
    var joints: [String: [String: String]] = [:] // role before → role after → text
    var trimmed: Set<String> = [] // roles whose texts lose white space at both ends

    private static let (start, end) = ("start", "end")

    /// - Throws: `KitError.noChat`, `KitError.nothingToRead`: no message, `KitError.rolesOutOfOrder`.
    func prompt(_ messages: [Message]) throws -> String {
        if joints.isEmpty { throw KitError.noChat }
        if messages.isEmpty { throw KitError.nothingToRead }
        var made = "", before = Self.start
        for message in messages {
            let role = message.role.rawValue
            made += try joint(before, role)
            made += trimmed.contains(role) ? Self.trimmed(message.content) : message.content
            before = role
        }
        return made + (try joint(before, Self.end))
    }

    private func joint(_ before: String, _ after: String) throws -> String {
        guard let text = joints[before]?[after] else {
            throw KitError.rolesOutOfOrder(
                before: before == Self.start ? "the beginning" : before,
                after: after == Self.end ? "the answer" : after)
        }
        return text
    }

    private static func trimmed(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !whiteSpace.contains($0.value) }),
            let last = scalars.lastIndex(where: { !whiteSpace.contains($0.value) })
        else { return "" }
        return String(scalars[first...last])
    }
}
