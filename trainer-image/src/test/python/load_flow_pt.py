#!/usr/bin/env python3
"""Loads an exported flow.pt with the real PyTorch and compares it with a list of keys, shapes and types.

usage: load_flow_pt.py FLOW_PT STATE_DICT_JSON [--upstream DIR [--yaml FILE]] [--safetensors FILE]

STATE_DICT_JSON is fixtures/state_dict.json or has its form. --upstream is a checkout of Step-Audio-EditX: the weights
are then loaded into its own model with strict=True; --yaml is the exported cosyvoice.yaml to build that model from
(needs PyYAML). --safetensors is compared bit for bit (parsed here, no package).
"""
import argparse
import importlib.machinery
import importlib.util
import json
import struct
import sys
import types

import torch


def check(condition, message):
    if not condition:
        sys.exit("FAILED: " + message)


def load_safetensors(path):
    types = {"F32": torch.float32, "F64": torch.float64, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64}
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=types[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def from_yaml(path):
    """HyperPyYAML's !new: tag, as much as this file needs."""
    import yaml

    def new(loader, suffix, node):
        module, name = suffix.rsplit(".", 1)
        return getattr(importlib.import_module(module), name)(**loader.construct_mapping(node, deep=True))

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!new:", new)
    return yaml.load(open(path), Loader)["flow"]


def build_upstream(model, checkout, yaml_file=None):
    sys.path.insert(0, checkout)
    if importlib.util.find_spec("onnxruntime") is None:  # imported there, not needed for the weights
        stand_in = types.ModuleType("onnxruntime")
        stand_in.__spec__ = importlib.machinery.ModuleSpec("onnxruntime", None)
        sys.modules["onnxruntime"] = stand_in
    if yaml_file:
        return from_yaml(yaml_file)
    from stepvocoder.cosyvoice2.embedding.dual_codebook import DualCodebookEmbedding
    from stepvocoder.cosyvoice2.flow.decoder_dit import DiT
    from stepvocoder.cosyvoice2.flow.flow import CausalMaskedDiffWithXvec
    from stepvocoder.cosyvoice2.flow.flow_matching import CausalConditionalCFM
    from stepvocoder.cosyvoice2.transformer.upsample_encoder_v2 import UpsampleConformerEncoderV2

    encoder = UpsampleConformerEncoderV2(**model["encoder"])
    decoder = CausalConditionalCFM(estimator=DiT(**model["estimator"]), inference_cfg_rate=model["inference_cfg_rate"])
    return CausalMaskedDiffWithXvec(
        encoder=encoder, decoder=decoder, input_embedding=DualCodebookEmbedding(model["vocab_size"], model["input_size"]),
        **{k: model[k] for k in ("input_size", "output_size", "spk_embed_dim", "vocab_size")})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flow_pt")
    parser.add_argument("state_dict_json")
    parser.add_argument("--upstream")
    parser.add_argument("--yaml")
    parser.add_argument("--safetensors")
    args = parser.parse_args()

    state = torch.load(args.flow_pt, map_location="cpu", weights_only=True)
    mapped = torch.load(args.flow_pt, map_location="cpu", weights_only=True, mmap=True)
    listed = json.load(open(args.state_dict_json))
    expected = [(e["name"], tuple(e["shape"]), e["dtype"]) for e in listed["state_dict"]]
    found = [(name, tuple(t.shape), str(t.dtype)) for name, t in state.items()]
    check(type(state).__name__ == "OrderedDict" and hasattr(state, "_metadata"), "not a module's state dict")
    check(len(found) == listed["keys"], f"{len(found)} keys instead of {listed['keys']}")
    for f, e in zip(found, expected):
        check(f == e, f"found {f} where {e} belongs")
    count = sum(t.numel() for t in state.values())
    check(count == listed["parameter_count"], f"{count} parameters instead of {listed['parameter_count']}")
    for name, tensor in state.items():
        check(bool(torch.isfinite(tensor).all()), f"{name} is not finite")
        check(torch.equal(tensor, mapped[name]), f"{name} differs when mapped")
    if args.safetensors:
        other = load_safetensors(args.safetensors)
        check(list(other) == list(state), "safetensors has other keys")
        for name, tensor in state.items():
            check(torch.equal(tensor, other[name]), f"{name} differs in safetensors")
    if args.upstream:
        build_upstream(listed["model"], args.upstream, args.yaml).load_state_dict(state, strict=True)
    print(f"ok: torch {torch.__version__}, weights_only=True: {len(found)} tensors, {count} parameters, keys, shapes, "
          "types and order as listed" + (", equal in safetensors" if args.safetensors else "")
          + (", strict=True into the upstream model" if args.upstream else "") + (" of the exported yaml" if args.yaml else ""))


if __name__ == "__main__":
    main()
