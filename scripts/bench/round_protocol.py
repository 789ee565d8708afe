"""What the Python anchors share: the case they run, MNIST, and the rounds that the bench asks for."""

import gzip
import json
import sys
import time
from pathlib import Path

import numpy as np

MEAN, STD = 0.1301, 0.3081


def read_case():
    """The case as a dict, from the first argument: model, width, batch, chunk (steps a call), seconds (a round)."""
    return json.loads(sys.argv[1])


def read_idx(folder, name):
    """An IDX file of unsigned bytes, raw or gzip, without its header."""
    path = Path(folder) / name
    data = path.read_bytes() if path.exists() else gzip.decompress(path.with_name(name + ".gz").read_bytes())
    dimensions = data[3]
    shape = np.frombuffer(data, ">u4", dimensions, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def read_mnist(case, split):
    """(images uint8 [count, 784], labels uint8 [count]) of `train` or `t10k`."""
    images = read_idx(case["data"], f"{split}-images-idx3-ubyte")
    labels = read_idx(case["data"], f"{split}-labels-idx1-ubyte")
    return images.reshape(len(images), -1), labels


def row_order(case, count, steps):
    """Rows [steps, batch]: random, each epoch its own order."""
    random = np.random.default_rng(0)
    epochs = -(-steps * case["batch"] // count)
    rows = np.concatenate([random.permutation(count) for _ in range(epochs)])
    return rows[: steps * case["batch"]].reshape(steps, case["batch"])


def say(**values):
    print(json.dumps(values), flush=True)


def serve(work, case, note=""):
    """
    Answers each line on stdin with a round: `work()` does some units and returns their number; it is
    repeated for the case's seconds. A first call warms up, and compiles where that is needed.
    """
    started = time.perf_counter()
    work()
    say(ready=True, firstMs=1e3 * (time.perf_counter() - started), note=note)
    for _ in sys.stdin:
        started = time.perf_counter()
        units = 0
        while units == 0 or time.perf_counter() - started < case["seconds"]:
            units += work()
        say(units=units, elapsedMs=1e3 * (time.perf_counter() - started))
