"""PyTorch anchor: eager training with fused Adam, or evaluation. Threads come from the case."""

import time

import numpy as np
import torch
from torch import nn

from pytorch_models import build, normalized
from round_protocol import read_case, read_mnist, row_order, say, serve


def training(case):
    images, labels = read_mnist(case, "train")
    # Normalised once, not in each step: PyTorch at its best.
    inputs, targets = normalized(images), torch.from_numpy(labels.astype(np.int64))
    model = build(case)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=1e-3, fused=True)
    loss_of = nn.CrossEntropyLoss()
    rows = torch.from_numpy(row_order(case, len(labels), case["chunk"]))
    losses = torch.empty(case["chunk"])

    def steps():
        for index, batch in enumerate(rows):
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(model(inputs[batch]), targets[batch])
            loss.backward()
            optimizer.step()
            losses[index] = loss.detach()
        return len(rows)

    return steps


def evaluation(case):
    images, labels = read_mnist(case, "t10k")
    model = build(case).eval()
    targets = torch.from_numpy(labels.astype(np.int64))

    def evaluate():
        with torch.inference_mode():
            for first in range(0, len(images), 1000):
                logits = model(normalized(images[first : first + 1000]))
                logits.softmax(1).max(1)
                nn.functional.cross_entropy(logits, targets[first : first + 1000]).item()
        return 1

    return evaluate


def whole(case):
    """A run of `steps` steps, from building the model to weights in NumPy."""
    steps = training(dict(case, chunk=case["steps"]))
    started = time.perf_counter()
    steps()
    say(units=case["steps"], elapsedMs=1e3 * (time.perf_counter() - started))


case = read_case()
torch.set_num_threads(case["threads"])
torch.manual_seed(0)
if case["task"] == "whole":
    whole(case)
elif case["task"] == "training":
    # Steps are single calls here; a short chunk keeps rounds near their length where threads get in each other's way.
    serve(training(dict(case, chunk=max(1, case["chunk"] // 20))), case)
else:
    serve(evaluation(case), case)
