"""PyTorch on a CPU: adapting MobileNetV2 with PEFT. mobilenet.mjs builds the same network in tfjs."""

import numpy as np
import peft
import torch
from torch import nn

from round_protocol import read_work, serve, shuffled_rows

SIZE, CLASSES = 224, 10
# Expansion, output channels, repetitions, stride of the first.
BLOCKS = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]


class Block(nn.Module):
    def __init__(self, channels, expansion, filters, stride):
        super().__init__()
        wide = channels * expansion
        self.expand = nn.Conv2d(channels, wide, 1) if expansion > 1 else None
        self.depthwise = nn.Conv2d(wide, wide, 3, stride, padding=1, groups=wide)
        self.project = nn.Conv2d(wide, filters, 1)
        self.is_residual = stride == 1 and channels == filters

    def forward(self, x):
        inner = x if self.expand is None else nn.functional.relu6(self.expand(x))
        inner = self.project(nn.functional.relu6(self.depthwise(inner)))
        return x + inner if self.is_residual else inner


class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 32, 3, 2, padding=1)
        blocks, channels = [], 32
        for expansion, filters, repetitions, stride in BLOCKS:
            for repetition in range(repetitions):
                blocks.append(Block(channels, expansion, filters, stride if repetition == 0 else 1))
                channels = filters
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Conv2d(channels, 1280, 1)
        self.logits = nn.Linear(1280, CLASSES, bias=False)

    def forward(self, x):
        x = self.blocks(nn.functional.relu6(self.first(x)))
        return self.logits(nn.functional.relu6(self.last(x)).mean((2, 3)))


def training(work):
    count = 8 * work["batch"]
    # Channels last is the faster layout for depthwise convolutions on a CPU.
    images = torch.rand(count, 3, SIZE, SIZE).to(memory_format=torch.channels_last)
    labels = torch.from_numpy(np.arange(count) % CLASSES)
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=r".*\.(expand|project)|last")
    model = peft.get_peft_model(MobileNet().to(memory_format=torch.channels_last), config)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=1e-3, fused=True)
    rows = torch.from_numpy(shuffled_rows(work, count, work["stepsPerCall"]))

    def steps():
        for batch in rows:
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
        return len(rows)

    return steps


work = read_work()
torch.set_num_threads(work["threads"])
torch.manual_seed(0)
serve(training(work), work)
