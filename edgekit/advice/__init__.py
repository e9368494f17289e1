"""What a Core ML package is likely to cost on Apple hardware, read from its program without executing it.

Only Xcode's performance report, or `MLComputePlan` on a Mac, says where an operation really runs.
"""
