"""
PyTorch on a GPU. `mode` is `script` (as in beginners' tutorials), `eager` (all data on the GPU, fused Adam), `graph`
(the same as a CUDA graph of `stepsPerCall` steps) or `compiled` (torch.compile). Evaluation is `eager` or `compiled`.
"""

import numpy as np
import torch
from torch import nn

from pytorch_models import build, normalized
from round_protocol import MEAN, STD, read_mnist, read_work, serve, shuffled_rows

DEVICE = torch.device("cuda")


def script(work):
    """DataLoader, a copy of each batch to the GPU, Adam without fusion, and the loss read after each step."""
    images, labels = read_mnist(work, "train")
    data = torch.utils.data.TensorDataset(normalized(images), torch.from_numpy(labels.astype(np.int64)))
    loader = torch.utils.data.DataLoader(data, batch_size=work["batch"], shuffle=True)
    model = build(work).to(DEVICE)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3, foreach=False)
    loss_of = nn.CrossEntropyLoss()

    def steps():
        for index, (inputs, targets) in enumerate(loader):
            inputs, targets = inputs.to(DEVICE), targets.to(DEVICE)
            optimizer.zero_grad()
            loss = loss_of(model(inputs), targets)
            loss.backward()
            optimizer.step()
            loss.item()
            if index + 1 == work["stepsPerCall"]:
                break
        return index + 1

    return steps


def training(work):
    images, labels = read_mnist(work, "train")
    inputs = normalized(images).to(DEVICE)
    targets = torch.from_numpy(labels.astype(np.int64)).to(DEVICE)
    model = build(work).to(DEVICE)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    mode = work["mode"]
    optimizer = torch.optim.Adam(trained, lr=1e-3, fused=True, capturable=mode == "graph")
    loss_of = nn.CrossEntropyLoss()
    forward = torch.compile(model) if mode == "compiled" else model
    rows = torch.from_numpy(shuffled_rows(work, len(labels), work["stepsPerCall"])).to(DEVICE)
    losses = torch.empty(work["stepsPerCall"], device=DEVICE)

    def step(index):
        batch = rows[index]
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(forward(inputs[batch]), targets[batch])
        loss.backward()
        optimizer.step()
        losses[index] = loss.detach()

    def eager():
        for index in range(len(rows)):
            step(index)
        losses.cpu()
        return len(rows)

    if mode != "graph":
        return eager
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for index in range(3):
            step(index)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for index in range(len(rows)):
            step(index)

    def replay():
        graph.replay()
        losses.cpu()
        return len(rows)

    return replay


def evaluation(work):
    """Copies one batch of images at a time to the GPU, as bytes; copies classes and confidences back."""
    batch = work["batch"]
    images, labels = (torch.from_numpy(array.copy()) for array in read_mnist(work, "t10k"))
    model = build(work).to(DEVICE).eval()

    def predict(images, labels):
        logits = model(images.float().div(255).sub(MEAN).div(STD))
        confidences, classes = logits.softmax(1).max(1)
        return confidences, classes, nn.functional.cross_entropy(logits, labels.long())

    predict = torch.compile(predict) if work["mode"] == "compiled" else predict

    def evaluate():
        with torch.inference_mode():
            for first in range(0, len(images), batch):
                parts = (whole[first : first + batch].to(DEVICE) for whole in (images, labels))
                for result in predict(*parts):
                    result.cpu()
        return 1

    return evaluate


work = read_work()
torch.manual_seed(0)
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = work.get("tf32", False)
if work["task"] == "evaluation":
    serve(evaluation(work), work)
else:
    serve(script(work) if work["mode"] == "script" else training(work), work)
