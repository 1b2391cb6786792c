"""Builds ONNX graphs: one call per operator, arrays as constants."""

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 18
IR_VERSION = 10
"""Of the ONNX format; older than the runtime's newest, so that a runtime may be a year behind."""


class Graph:
    """A graph from ``pixels`` (uint8, batch x size x size x RGB) to ``embedding`` (float32, unit length).

    It may be cut into parts, each a model of its own whose output is the next one's input.
    """

    def __init__(self, size: int) -> None:
        self._input = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", size, size, 3])
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._parts: list[Any] = []
        self._names = count()

    def add(self, operator: str, *inputs: str | npt.NDArray[Any], **attributes: Any) -> str:
        """Add an operator and return the name of its output."""
        output = f"{operator}_{next(self._names)}"
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        self._nodes.append(helper.make_node(operator, names, [output], **attributes))
        return output

    def float_pixels(self) -> str:
        """Return the input as float32, values 0 to 255, batch x size x size x RGB."""
        return self.add("Cast", "pixels", to=TensorProto.FLOAT)

    def cut(self, x: str, *shape: int) -> str:
        """End a part with ``x``, batch x ``shape``; all that comes after may use nothing else from before."""
        output = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["batch", *shape])
        self._parts.append(
            helper.make_graph(self._nodes, "encoder", [self._input], [output], self._constants)
        )
        self._input, self._nodes, self._constants = output, [], []
        return x

    def save(self, folder: Path, features: str, dimensions: int, *, external_data: bool) -> None:
        """Write the parts, the last of which ends in the unit vector along ``features``: model-1.onnx and on.

        ``external_data`` puts the constants into ``<stem>.data`` beside each, which the runtime can map.
        """
        embedding = self.add("LpNormalization", features, axis=-1, p=2)
        self._nodes.append(helper.make_node("Identity", [embedding], ["embedding"]))
        self.cut("embedding", dimensions)
        opset = helper.make_opsetid("", OPSET)
        for number, part in enumerate(self._parts, 1):
            model = helper.make_model(part, ir_version=IR_VERSION, opset_imports=[opset])
            onnx.checker.check_model(model, full_check=True)
            path, data = folder / f"model-{number}.onnx", f"model-{number}.data"
            onnx.save_model(model, path, save_as_external_data=external_data, location=data)

    def _constant(self, value: npt.NDArray[Any]) -> str:
        name = f"constant_{next(self._names)}"
        kept = value if value.dtype == np.int64 else value.astype(np.float32)
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(kept), name))
        return name
