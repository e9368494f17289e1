"""A decoder's package with two functions over the same weights and states: any number of new tokens, and one.

A function with one new token has fixed shapes wherever the tokens are counted, which a device can plan for.
`coremltools.utils.materialize_dynamic_shape_mlmodel` does this for inputs that become fixed as a whole; here
the length of the past stays open.
"""

from __future__ import annotations

from typing import Any

from edgekit.quiet import quiet

MAIN, DECODE = "main", "decode"


def with_decode_function(package: Any) -> Any:
    """A copy of an `MLModel` with the inputs `inputIds [1, T]` and `causalMask [1, 1, T, E]`, and a function
    `decode` in which T is 1; `main` stays the default, and stays as it is."""
    with quiet():
        from coremltools import ComputeUnit
        from coremltools.converters.mil.converter import mil_convert
        from coremltools.converters.mil.mil.passes.defs import symbol_transform
        from coremltools.proto import Model_pb2

        program, spec = package._mil_program, package.get_spec()
        mask = program.functions[MAIN].inputs["causalMask"].shape
        fixed = symbol_transform.materialize_symbolic_shape_program()
        # The setter takes whole numbers alone, and E has to stay what it is.
        fixed._function_name_to_materialization_map = {
            DECODE: {"inputIds": (1, 1), "causalMask": (1, 1, 1, mask[-1])}
        }
        fixed.apply(program)
        program.export_as_multifunction = program.skip_all_passes = True
        program.default_function_name = MAIN
        told = spec.description
        functions = []
        for name in (MAIN, DECODE):
            function = Model_pb2.FunctionDescription(
                name=name, input=told.input, output=told.output, state=told.state
            )
            if name == DECODE:
                _one_token(function)
            functions.append(function)
        return mil_convert(
            program,
            convert_from="milinternal",
            convert_to="mlprogram",
            specification_version=spec.specificationVersion,
            compute_units=ComputeUnit.CPU_ONLY,
            model_description=Model_pb2.ModelDescription(
                functions=functions, defaultFunctionName=MAIN, metadata=told.metadata
            ),
            skip_model_load=True,
        )


def _one_token(function: Any) -> None:
    """The interface of a function with one new token."""
    for given in function.input:
        array = given.type.multiArrayType
        if given.name == "inputIds":
            array.ClearField("shapeRange")
        else:
            tokens = array.shapeRange.sizeRanges[2]
            tokens.lowerBound = tokens.upperBound = 1
    for made in function.output:
        array = made.type.multiArrayType
        if len(array.shape) == 3:
            array.shape[1] = 1
