/// An image as its values.
package struct Pixels: Sendable {
    let values: [UInt8] // row after row; of every pixel red, green, blue, and opacity or not
    let width: Int
    let height: Int
    let step: Int // values of a pixel: 3 or 4

    /// - Throws: `KitError.noImage`: there are not as many values as the sizes say.
    package init(_ values: [UInt8], width: Int, height: Int) throws {
        let (count, overflow) = max(width, 0).multipliedReportingOverflow(by: max(height, 0))
        guard !overflow, count > 0, values.count % count == 0, 3...4 ~= values.count / count else {
            throw KitError.noImage(values: values.count, width: width, height: height)
        }
        (self.values, self.width, self.height, step) = (values, width, height, values.count / count)
    }
}
