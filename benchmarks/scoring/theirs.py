"""transformers in one process.

``make MODEL`` writes a tower of the true size with random weights; ``serve MODEL THREADS`` answers each line,
a JSON list of paths, with the seconds it took and the unit vectors.
"""

import json
import sys
import time
from pathlib import Path

import torch
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer


def make(folder: Path) -> None:
    """ViT-B/32's architecture is transformers' default; a tokenizer of nothing completes the processor."""
    torch.manual_seed(1)
    model = CLIPModel(CLIPConfig())
    model.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "checkpoint.bin")
    CLIPImageProcessor().save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({"<|startoftext|>": 0, "<|endoftext|>": 1}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)


def serve(folder: Path, threads: int) -> None:
    torch.set_num_threads(threads)
    model = CLIPModel.from_pretrained(folder).eval()
    processor = CLIPImageProcessor.from_pretrained(folder, use_fast=False)
    for line in sys.stdin:
        began = time.perf_counter()
        with torch.inference_mode():
            images = [Image.open(path).convert("RGB") for path in json.loads(line)]
            features = model.get_image_features(**processor(images=images, return_tensors="pt"))
            vectors = torch.nn.functional.normalize(features, dim=-1)
        took = time.perf_counter() - began
        print(json.dumps({"seconds": took, "vectors": vectors.tolist()}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]))
    else:
        serve(Path(sys.argv[2]), int(sys.argv[3]))
