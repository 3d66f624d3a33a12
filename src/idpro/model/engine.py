"""ONNX Runtime for convolutional encoders on a CPU: the same function, in a fraction of eager torch's time.

Chosen by itself where onnx and onnxruntime are installed (``pip install 'idpro[fast]'``) and nothing wants gradients. The
graph is written node by node from the folded weights, at first use and again when they have changed; encoders with other
parts than convolutions, ReLU6 and residual sums stay with torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

_eager: ContextVar[bool] = ContextVar("eager", default=False)
_engines: WeakKeyDictionary[Any, tuple[tuple[object, ...], Engine | None]] = WeakKeyDictionary()


class Convolutional(Protocol):
    """An encoder's parts in the order of computation: scale and shift, a stem, stages of blocks.

    ``last`` are the stages whose output is a feature map.
    """

    scale: Tensor
    shift: Tensor
    conv_stem: Any
    bn1: Any
    blocks: Any
    last: list[int]

    def parameters(self) -> Iterable[nn.Parameter]: ...


@contextmanager
def eager() -> Iterator[None]:
    """Have torch compute everything in this block: to count its operations, or to compare."""
    token = _eager.set(True)
    try:
        yield
    finally:
        _eager.reset(token)


def engine_for(encoder: Convolutional, x: Tensor) -> Engine | None:
    """What can encode ``x`` faster than torch, to the same result; None where torch is to do it."""
    plain = x.is_cpu and x.dtype == torch.float32 and not torch.is_autocast_enabled(x.device.type)
    if _eager.get() or torch.is_grad_enabled() or not plain:
        return None
    weights = tuple((p.data_ptr(), 0 if p.is_inference() else p._version) for p in encoder.parameters())
    known = _engines.get(encoder)
    if known is None or known[0] != weights:
        known = _engines[encoder] = (weights, _build(encoder))
    return known[1]


class Engine:
    """One encoder in ONNX Runtime.

    Args:
        model: the serialised graph: an image B C H W in, feature maps out.
    """

    def __init__(self, model: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3  # errors
        options.enable_cpu_mem_arena = False  # an arena of its own would keep its highest mark beside torch's
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # torch wants the cores in between
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.threads: int = options.intra_op_num_threads  # that compute: torch's number when the engine was built

    def __call__(self, x: Tensor) -> list[Tensor]:
        """Images B C H W -> the maps; image by image, so that memory does not grow with the batch."""
        each = [self._session.run(None, {"x": image[None].contiguous().numpy()}) for image in x]
        return [torch.cat([torch.from_numpy(output) for output in outputs]) for outputs in zip(*each, strict=True)]


def _build(encoder: Convolutional) -> Engine | None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError:
        return None
    graph = _Graph()
    return Engine(graph.serialised()) if graph.add_encoder(encoder) else None


class _Graph:
    """ONNX nodes and weights, collected in the order of computation; every value has a name."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._weights: list[Any] = []
        self._outputs: list[str] = []

    def add_encoder(self, encoder: Convolutional) -> bool:
        """The whole encoder; False if it has a part that has no translation here."""
        x = self._node("Mul", "x", self._weight(encoder.scale))
        x = self._node("Add", x, self._weight(encoder.shift))
        try:
            x = self._layers(x, [encoder.conv_stem, encoder.bn1])
            for index, stage in enumerate(encoder.blocks):
                for block in stage:
                    out = self._layers(x, block.children())
                    x = self._node("Add", out, x) if block.has_skip else out
                if index in encoder.last:
                    self._outputs.append(x)
        except NotImplementedError:
            return False
        return True

    def serialised(self) -> bytes:
        from onnx import TensorProto, helper

        image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", "c", "h", "w"])
        maps = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in self._outputs]
        graph = helper.make_graph(self._nodes, "encoder", [image], maps, initializer=self._weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return bytes(model.SerializeToString())

    def _layers(self, x: str, layers: Any) -> str:
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                x = self._convolution(x, layer)
            elif isinstance(layer, nn.ReLU6):
                x = self._node("Clip", x, self._weight(torch.tensor(0.0)), self._weight(torch.tensor(6.0)))
            elif not isinstance(layer, nn.Identity):
                raise NotImplementedError
        return x

    def _convolution(self, x: str, layer: nn.Conv2d) -> str:
        if layer.bias is None:
            raise NotImplementedError  # its batch norm was not folded
        if type(layer) is nn.Conv2d and not isinstance(layer.padding, str):
            padding: dict[str, Any] = {"pads": [*layer.padding, *layer.padding]}
        else:  # timm's Conv2dSame: as TensorFlow pads, the odd pixel at the right and the bottom
            padding = {"auto_pad": "SAME_UPPER"}
        options = {"strides": list(layer.stride), "dilations": list(layer.dilation), "group": layer.groups, **padding}
        return self._node("Conv", x, self._weight(layer.weight), self._weight(layer.bias), **options)

    def _weight(self, tensor: Tensor) -> str:
        from onnx import numpy_helper

        name = f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(tensor.detach().contiguous().numpy(), name))
        return name

    def _node(self, operation: str, *inputs: str, **options: Any) -> str:
        from onnx import helper

        name = f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, list(inputs), [name], **options))
        return name
