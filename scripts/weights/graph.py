"""Builds ONNX graphs: one call per operator, arrays as constants."""

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
    """A graph from ``pixels`` (uint8, batch x size x size x RGB) to ``embedding`` (float32, unit length)."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def add(self, operator: str, *inputs: str | npt.NDArray[Any], **attributes: Any) -> str:
        """Add an operator and return the name of its output."""
        output = f"{operator}_{len(self._nodes)}"
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        self._nodes.append(helper.make_node(operator, names, [output], **attributes))
        return output

    def float_pixels(self) -> str:
        """Return the input as float32, values 0 to 255, batch x size x size x RGB."""
        return self.add("Cast", "pixels", to=TensorProto.FLOAT)

    def save(self, path: Path, features: str, dimensions: int, *, external_data: bool) -> None:
        """Write the graph that ends in the unit vector along ``features``.

        ``external_data`` puts the constants into ``<stem>.data`` beside it, which the runtime can map.
        """
        embedding = self.add("LpNormalization", features, axis=-1, p=2)
        self._nodes.append(helper.make_node("Identity", [embedding], ["embedding"]))
        shape = ["batch", self._size, self._size, 3]
        pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, shape)
        vectors = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", dimensions])
        graph = helper.make_graph(self._nodes, "encoder", [pixels], [vectors], self._constants)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, ir_version=IR_VERSION, opset_imports=[opset])
        onnx.checker.check_model(model, full_check=True)
        onnx.save_model(model, path, save_as_external_data=external_data, location=f"{path.stem}.data")

    def _constant(self, value: npt.NDArray[Any]) -> str:
        name = f"constant_{len(self._constants)}"
        kept = value if value.dtype == np.int64 else value.astype(np.float32)
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(kept), name))
        return name
