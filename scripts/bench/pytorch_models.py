"""The models of the bench in PyTorch."""

import torch
from torch import nn

from round_protocol import MEAN, STD


class LoraLinear(nn.Module):
    """y = x W + b + (alpha / rank) (x A) B with frozen W and b."""

    def __init__(self, base, rank=2, alpha=1):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.a = nn.Parameter(torch.empty(base.in_features, rank))
        self.b = nn.Parameter(torch.zeros(rank, base.out_features))
        self.scale = alpha / rank
        nn.init.kaiming_uniform_(self.a.T, a=5**0.5)

    def forward(self, x):
        return self.base(x) + (x @ self.a) @ self.b * self.scale


def build(work):
    linear = (lambda i, o: LoraLinear(nn.Linear(i, o))) if work["model"] == "lora" else nn.Linear
    if work["model"] in ("digits", "lora"):
        return nn.Sequential(linear(784, 256), linear(256, 128), linear(128, 10), nn.ReLU())
    if work["model"] == "cnn":
        return nn.Sequential(
            *(nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * 5 * 5, 10)),
        )
    width = work["width"]
    return nn.Sequential(
        *(nn.Linear(784, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10))
    )


def normalized(images):
    return torch.tensor(images).to(torch.float32).div_(255).sub_(MEAN).div_(STD)
