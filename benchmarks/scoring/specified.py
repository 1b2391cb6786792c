"""The specification's script: the CLIP similarity of two pictures. The model is a folder and not on a hub.

``python specified.py MODEL REFERENCE GENERATED``, with transformers 4: 5 has another ``get_image_features``.
"""

import sys

import torch
from PIL import Image
from transformers import CLIPModel, CLIPProcessor

model = CLIPModel.from_pretrained(sys.argv[1])
processor = CLIPProcessor.from_pretrained(sys.argv[1])

images = [Image.open(path) for path in sys.argv[2:]]
inputs = processor(images=images, return_tensors="pt")
outputs = model.get_image_features(**inputs)
similarity = torch.nn.functional.cosine_similarity(outputs[0].unsqueeze(0), outputs[1].unsqueeze(0))
print(f"CLIP Similarity: {similarity.item():.4f}")
