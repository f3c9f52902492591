"""Writing the ONNX graph of a BERT encoder from its weights, so that no torch is needed to run it.

The layer equations are those of Devlin et al. (2019), with post-layer normalisation and the exact GELU; the sentence
vector is the mean of the last layer's states over the tokens that are no padding, scaled to length one (Reimers and
Gurevych, 2019).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, FORMAT = 20, 9


def write_encoder(weights: Mapping[str, Any], config: Mapping[str, Any], path: Path) -> None:
    """Write the graph of the encoder with these weights, named as in Hugging Face's BERT, to `path`.

    Inputs `input_ids` and `attention_mask` are int64 of shape (texts, tokens), the output `embedding` is float32 of
    shape (texts, hidden size).
    """
    graph = _Graph(weights, heads=config["num_attention_heads"], hidden=config["hidden_size"])
    state = graph.embedded(config["layer_norm_eps"])
    for layer in range(config["num_hidden_layers"]):
        state = graph.layer(f"encoder.layer.{layer}", state, config["layer_norm_eps"])
    graph.pooled(state)
    model = helper.make_model(graph.made(), opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = FORMAT
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


class _Graph:
    """Nodes in the order they were added; each method names its result and returns that name."""

    def __init__(self, weights: Mapping[str, Any], heads: int, hidden: int) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._hidden = hidden
        for name, value in weights.items():
            if name.endswith("position_ids") or name.startswith("pooler"):
                continue
            is_matrix = name.endswith(".weight") and value.ndim == 2 and "embeddings" not in name
            self._constant(name, value.T if is_matrix else value)
        numbers = {
            "split": np.array([0, 0, heads, hidden // heads], np.int64),
            "join": np.array([0, 0, hidden], np.int64),
            "scale": np.array(1 / math.sqrt(hidden // heads), np.float32),
            "one": np.array(1, np.float32),
            "far": np.array(-1e9, np.float32),
            "first_type": np.array(0, np.int64),
            "zero": np.array([0], np.int64),
            "tokens_axis": np.array([1], np.int64),
            "last_axis": np.array([-1], np.int64),
            "inner_axes": np.array([1, 2], np.int64),
        }
        for name, value in numbers.items():
            self._constant(name, value)

    def embedded(self, epsilon: float) -> str:
        """Word, position and type embeddings; also the attention's bias, which hides the padding."""
        words = self._node("Gather", ["embeddings.word_embeddings.weight", "input_ids"], "words")
        # Shape and Slice, because Range and Gather met a faulty fusion of onnxruntime.
        length = self._node("Shape", ["input_ids"], "length", start=1, end=2)
        table = "embeddings.position_embeddings.weight"
        places = self._node("Slice", [table, "zero", length, "zero"], "places")
        kind = self._node("Gather", ["embeddings.token_type_embeddings.weight", "first_type"], "kind")
        both = self._node("Add", [words, places], "words_and_places")
        summed = self._node("Add", [both, kind], "summed")
        self._node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
        hidden = self._node("Sub", ["one", "mask"], "padding")
        bias = self._node("Mul", [hidden, "far"], "padding_bias")
        self._node("Unsqueeze", [bias, "inner_axes"], "bias")
        return self._normal(summed, "embeddings.LayerNorm", "embedded", epsilon)

    def layer(self, name: str, state: str, epsilon: float) -> str:
        parts = {}
        for part in ("query", "key", "value"):
            flat = self._linear(state, f"{name}.attention.self.{part}", f"{name}/{part}")
            split = self._node("Reshape", [flat, "split"], f"{name}/{part}/split")
            order = [0, 2, 3, 1] if part == "key" else [0, 2, 1, 3]
            parts[part] = self._node("Transpose", [split], f"{name}/{part}/heads", perm=order)
        raw = self._node("MatMul", [parts["query"], parts["key"]], f"{name}/raw")
        scaled = self._node("Mul", [raw, "scale"], f"{name}/scaled")
        biased = self._node("Add", [scaled, "bias"], f"{name}/biased")
        attention = self._node("Softmax", [biased], f"{name}/attention", axis=-1)
        seen = self._node("MatMul", [attention, parts["value"]], f"{name}/seen")
        turned = self._node("Transpose", [seen], f"{name}/turned", perm=[0, 2, 1, 3])
        joined = self._node("Reshape", [turned, "join"], f"{name}/joined")
        attended = self._linear(joined, f"{name}.attention.output.dense", f"{name}/attended")
        first = self._node("Add", [attended, state], f"{name}/first")
        state = self._normal(first, f"{name}.attention.output.LayerNorm", f"{name}/middle", epsilon)
        wide = self._linear(state, f"{name}.intermediate.dense", f"{name}/wide")
        active = self._node("Gelu", [wide], f"{name}/active")
        narrow = self._linear(active, f"{name}.output.dense", f"{name}/narrow")
        second = self._node("Add", [narrow, state], f"{name}/second")
        return self._normal(second, f"{name}.output.LayerNorm", f"{name}/state", epsilon)

    def pooled(self, state: str) -> None:
        wide = self._node("Unsqueeze", ["mask", "last_axis"], "wide_mask")
        kept = self._node("Mul", [state, wide], "kept")
        total = self._node("ReduceSum", [kept, "tokens_axis"], "total", keepdims=0)
        count = self._node("ReduceSum", ["mask", "tokens_axis"], "count", keepdims=1)
        mean = self._node("Div", [total, count], "mean")
        norm = self._node("ReduceL2", [mean, "last_axis"], "norm", keepdims=1)
        self._node("Div", [mean, norm], "embedding")

    def made(self) -> Any:
        def tensor(name: str) -> Any:
            return helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"])

        output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["texts", self._hidden])
        inputs = [tensor("input_ids"), tensor("attention_mask")]
        return helper.make_graph(self._nodes, "encoder", inputs, [output], self._constants)

    def _constant(self, name: str, value: Any) -> None:
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))

    def _node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def _linear(self, state: str, weights: str, output: str) -> str:
        product = self._node("MatMul", [state, f"{weights}.weight"], f"{output}/product")
        return self._node("Add", [product, f"{weights}.bias"], output)

    def _normal(self, state: str, weights: str, output: str, epsilon: float) -> str:
        inputs = [state, f"{weights}.weight", f"{weights}.bias"]
        return self._node("LayerNormalization", inputs, output, epsilon=epsilon, axis=-1)
