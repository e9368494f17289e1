"""All rules, those of the strongest effect first."""

from __future__ import annotations

from edgekit.advice.rules import operations, precision, shapes, sources, storage
from edgekit.advice.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "float32", "placement", "high",
        "The Neural Engine computes in float16; float32 operations run on the GPU or the CPU.",
        "Convert with compute_precision=FLOAT16; keep float32 only where fp16 overflows.",
        (sources.TYPED,), precision.single_precision,
    ),
    Rule(
        "recurrent", "placement", "high",
        "LSTM, GRU and RNN operations are not supported on the Neural Engine.",
        "Unroll a short recurrence, or use convolutions or attention instead.",
        (sources.RECURRENT, sources.ANEFORGE, sources.HOLLANCE), operations.recurrent,
    ),
    Rule(
        "range-shapes", "placement", "high",
        "A range of shapes runs on the Neural Engine at the default shape only.",
        "Use enumerated shapes (up to 128), or one fixed shape per function.",
        (sources.RANGES, sources.FLEXIBLE), shapes.ranges,
    ),
    Rule(
        "rank", "placement", "high",
        "The Neural Engine takes tensors of up to five axes.",
        "Split the step into several of rank 5 or less, or drop axes of extent 1.",
        (sources.VISION, sources.ANE_GUIDE), shapes.rank,
    ),
    Rule(
        "lookup", "placement", "medium",
        "Lookups with computed indices, such as embeddings, run on the CPU.",
        "Nothing to do for one embedding at the start; move other lookups out of the middle.",
        (sources.ANE_TRANSFORMERS, sources.HOLLANCE), operations.lookups,
    ),
    Rule(
        "unknown-shapes", "placement", "low",
        "The engine runs programs of fixed shapes; these shapes depend on values.",
        "Rewrite the step with a fixed shape and a mask.",
        (sources.ANEFORGE,), shapes.unknown,
    ),
    Rule(
        "control-flow", "placement", "low",
        "Branches, loops and lists have no known form on the engine.",
        "Unroll the loop, or compute both branches and select.",
        (sources.ANEFORGE,), operations.control_flow,
    ),
    Rule(
        "unsupported", "placement", "low",
        "These operations are not known to run on any Neural Engine.",
        "Replace them by arithmetic, a constant, or a step outside the model.",
        (sources.ANEFORGE,), operations.nowhere,
    ),
    Rule(
        "newer-chips", "placement", "low",
        "These operations run on the engines of newer chips only.",
        "Replace them if older chips matter.",
        (sources.ANEFORGE,), operations.newer_chips,
    ),
    Rule(
        "convolution", "placement", "low",
        "Kernels wider than 13 or higher than 29, dilation, and 3-D convolution may leave the engine.",
        "Use several small kernels in a row.",
        (sources.ANE_GUIDE, sources.HOLLANCE), operations.convolutions,
    ),
    Rule(
        "pooling", "placement", "low",
        "Pooling over more than 13, or with a stride above 2, may leave the engine.",
        "Use a reduction for global pooling, or several poolings in a row.",
        (sources.HOLLANCE,), operations.pools,
    ),
    Rule(
        "long-axis", "placement", "low",
        "An axis above 16384 is rejected by the engines up to A15 and M3.",
        "Split the axis, for a vocabulary into two or more products.",
        (sources.ANE_GUIDE,), shapes.long_axis,
    ),
    Rule(
        "int32", "placement", "low",
        "int32 tensors are not computed on the engine.",
        "Give masks and positions as float16 inputs, or fix the shapes so that they fold away.",
        (sources.ANE_GUIDE, sources.ANEFORGE), precision.whole_numbers,
    ),
    Rule(
        "state-width", "placement", "low",
        "States whose last axis is no multiple of 32 fail on the engine.",
        "Pad the state's last axis to a multiple of 32.",
        (sources.STATE_WIDTH,), storage.narrow_states,
    ),
    Rule(
        "states", "placement", "high",
        "States need iOS 18 or macOS 15.",
        "Pass them as inputs and outputs if older systems matter.",
        (sources.STATES,), storage.states,
    ),
    Rule(
        "expanded-weights", "memory", "high",
        "iOS 16 expands compressed weights to float16 before the model runs.",
        "Export for iOS 17 or later, which can expand them on the fly.",
        (sources.COMPRESSION,), storage.expanded_at_load,
    ),
    Rule(
        "last-axis", "memory", "high",
        "A last axis that is no multiple of 64 bytes is padded to one.",
        "Put a long axis last, at a multiple of 32 values in float16.",
        (sources.TRANSFORMERS, sources.VISION), shapes.last_axis,
    ),
    Rule(
        "duplicates", "memory", "high",
        "The same constant is stored under several names.",
        "Share the parameter in the source model, and keep coremltools' pass const_deduplication.",
        (sources.PASSES,), storage.repeated,
    ),
    Rule(
        "linear-weights", "memory", "low",
        "Chips before A15 and M3 expand linearly quantized weights at load; palettes stream from M1 on.",
        "Palettize instead if older chips matter.",
        (sources.ANEFORGE,), storage.linear_weights,
    ),
    Rule(
        "block-scales", "speed", "high",
        "Scales per block help on the GPU; on the Neural Engine scales per channel are recommended.",
        "Quantize per channel, or palettize.",
        (sources.QUANTIZATION,), storage.block_scales,
    ),
    Rule(
        "many-tables", "speed", "high",
        "The more lookup tables a weight has, the slower it may run; 8 or 16 channels a table are typical.",
        "Use a group_size of 8 or more.",
        (sources.PALETTES,), storage.many_tables,
    ),
    Rule(
        "int8-activations", "speed", "high",
        "int8 activations are faster on the engines of A17 Pro and M4; elsewhere they may be slower.",
        "Keep float16 activations for other chips, and for what runs on the CPU or the GPU.",
        (sources.QUANTIZATION, sources.COMPRESSION), precision.quantized_activations,
    ),
    Rule(
        "linear-layout", "speed", "high",
        "The engine prefers (batch, channel, 1, length): 1×1 convolutions instead of linear layers.",
        "Write linear layers as 1×1 convolutions on a channels-first layout.",
        (sources.TRANSFORMERS,), operations.linear_layout,
    ),
    Rule(
        "copies", "speed", "high",
        "Reshapes and transposes are likely to copy memory.",
        "Keep one layout from end to end.",
        (sources.TRANSFORMERS,), operations.copies,
    ),
    Rule(
        "softmax", "speed", "medium",
        "A softmax over more than 2 MiB leaves on-chip memory; Apple recommends smaller chunks.",
        "Compute attention head by head, or in chunks of the query.",
        (sources.TRANSFORMERS, sources.ANE_GUIDE), operations.softmaxes,
    ),
    Rule(
        "casts", "speed", "medium",
        "Casts between float16 and float32 inside the program mark borders between compute units.",
        "Keep one precision from end to end.",
        (sources.TYPED,), precision.casts,
    ),
    Rule(
        "batch", "speed", "low",
        "A batch above 1 gains little: two rows take about twice the time.",
        "Run rows one by one, or several models at once.",
        (sources.BATCH,), shapes.batch,
    ),
)  # fmt: skip
