"""
PyTorch anchors on a GPU, by the case's `way`: `script` as a beginner writes it, `eager` with all data on the card and
fused Adam, `graph` the same as a CUDA graph of `chunk` steps, `compiled` with torch.compile. Evaluation is `eager` or `compiled`.
"""

import numpy as np
import torch
from torch import nn

from pytorch_models import build, normalized
from round_protocol import MEAN, STD, read_case, read_mnist, row_order, serve

DEVICE = torch.device("cuda")


def script(case):
    """DataLoader, a copy of each batch to the card, plain Adam, the loss printed now and then."""
    images, labels = read_mnist(case, "train")
    data = torch.utils.data.TensorDataset(normalized(images), torch.from_numpy(labels.astype(np.int64)))
    loader = torch.utils.data.DataLoader(data, batch_size=case["batch"], shuffle=True)
    model = build(case).to(DEVICE)
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
            if index + 1 == case["chunk"]:
                break
        return index + 1

    return steps


def training(case):
    images, labels = read_mnist(case, "train")
    inputs = normalized(images).to(DEVICE)
    targets = torch.from_numpy(labels.astype(np.int64)).to(DEVICE)
    model = build(case).to(DEVICE)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    way = case["way"]
    optimizer = torch.optim.Adam(trained, lr=1e-3, fused=True, capturable=way == "graph")
    loss_of = nn.CrossEntropyLoss()
    forward = torch.compile(model) if way == "compiled" else model
    rows = torch.from_numpy(row_order(case, len(labels), case["chunk"])).to(DEVICE)
    losses = torch.empty(case["chunk"], device=DEVICE)

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

    if way != "graph":
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


def evaluation(case):
    """Images go to the card as bytes, a batch at a time; classes and confidences come back."""
    batch = case["batch"]
    images, labels = (torch.from_numpy(array.copy()) for array in read_mnist(case, "t10k"))
    model = build(case).to(DEVICE).eval()

    def judge(images, labels):
        logits = model(images.float().div(255).sub(MEAN).div(STD))
        confidences, classes = logits.softmax(1).max(1)
        return confidences, classes, nn.functional.cross_entropy(logits, labels.long())

    judge = torch.compile(judge) if case["way"] == "compiled" else judge

    def evaluate():
        with torch.inference_mode():
            for first in range(0, len(images), batch):
                parts = (whole[first : first + batch].to(DEVICE) for whole in (images, labels))
                for result in judge(*parts):
                    result.cpu()
        return 1

    return evaluate


case = read_case()
torch.manual_seed(0)
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = case.get("tf32", False)
if case["task"] == "evaluation":
    serve(evaluation(case), case)
else:
    serve(script(case) if case["way"] == "script" else training(case), case)
