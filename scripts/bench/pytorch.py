"""PyTorch on a CPU: eager training with fused Adam, or evaluation."""

import time

import numpy as np
import torch
from torch import nn

from pytorch_models import build, normalized
from round_protocol import print_json, read_mnist, read_work, serve, shuffled_rows


def training(work):
    images, labels = read_mnist(work, "train")
    # Normalised once, not in each step, which is the fastest way in PyTorch.
    inputs, targets = normalized(images), torch.from_numpy(labels.astype(np.int64))
    model = build(work)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=1e-3, fused=True)
    loss_of = nn.CrossEntropyLoss()
    rows = torch.from_numpy(shuffled_rows(work, len(labels), work["stepsPerCall"]))
    losses = torch.empty(work["stepsPerCall"])

    def steps():
        for index, batch in enumerate(rows):
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(model(inputs[batch]), targets[batch])
            loss.backward()
            optimizer.step()
            losses[index] = loss.detach()
        return len(rows)

    return steps


def evaluation(work):
    images, labels = read_mnist(work, "t10k")
    model = build(work).eval()
    targets = torch.from_numpy(labels.astype(np.int64))

    def evaluate():
        with torch.inference_mode():
            for first in range(0, len(images), 1000):
                logits = model(normalized(images[first : first + 1000]))
                logits.softmax(1).max(1)
                nn.functional.cross_entropy(logits, targets[first : first + 1000]).item()
        return 1

    return evaluate


def whole(work):
    """A run of `steps` steps."""
    steps = training(dict(work, stepsPerCall=work["steps"]))
    started = time.perf_counter()
    steps()
    print_json(units=work["steps"], elapsedMs=1e3 * (time.perf_counter() - started))


work = read_work()
torch.set_num_threads(work["threads"])
torch.manual_seed(0)
if work["task"] == "whole":
    whole(work)
elif work["task"] == "training":
    # Steps are separate calls in any case. Fewer per call keep rounds close to their duration if threads compete for cores.
    serve(training(dict(work, stepsPerCall=max(1, work["stepsPerCall"] // 20))), work)
else:
    serve(evaluation(work), work)
