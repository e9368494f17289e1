/// One token, and the scalars of the text up to its end; 0: it stands for none of the text.
struct Token: Equatable, Sendable {
    let id: Int32
    let end: Int32
}

/// A text as the model takes it.
package struct Tokens: Equatable, Sendable {
    package internal(set) var ids: [Int32] = []
    package internal(set) var types: [Int32] = []
    var ends: [Int] = []

    package var count: Int { ids.count }

    /// A row of one of the model's inputs.
    package func input(_ name: String) -> [Int32] {
        switch name {
        case "input_ids": return ids
        case "token_type_ids": return types
        default: return [Int32](repeating: 1, count: count) // the attention mask: nothing is padding
        }
    }
}
