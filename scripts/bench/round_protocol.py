"""What the Python contenders share: reading their work and MNIST, and taking part in rounds (see round-protocol.mjs)."""

import gzip
import json
import sys
import time
from pathlib import Path

import numpy as np

MEAN, STD = 0.1301, 0.3081


def read_work():
    """The first argument as a dict; see the type Work in cases.mjs."""
    return json.loads(sys.argv[1])


def read_idx(folder, name):
    """The array of an IDX file of unsigned bytes, raw or gzip."""
    path = Path(folder) / name
    data = path.read_bytes() if path.exists() else gzip.decompress(path.with_name(name + ".gz").read_bytes())
    dimensions = data[3]
    shape = np.frombuffer(data, ">u4", dimensions, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def read_mnist(work, split):
    """(images uint8 [count, 784], labels uint8 [count]) of `train` or `t10k`."""
    images = read_idx(work["data"], f"{split}-images-idx3-ubyte")
    labels = read_idx(work["data"], f"{split}-labels-idx1-ubyte")
    return images.reshape(len(images), -1), labels


def shuffled_rows(work, count, steps):
    """Row numbers [steps, batch], shuffled again for each epoch."""
    random = np.random.default_rng(0)
    epochs = -(-steps * work["batch"] // count)
    rows = np.concatenate([random.permutation(count) for _ in range(epochs)])
    return rows[: steps * work["batch"]].reshape(steps, work["batch"])


def print_json(**values):
    print(json.dumps(values), flush=True)


def serve(run, work, note=""):
    """
    Calls `run` once to warm up (and to compile), then answers each line on stdin with a round: calls `run` for at least
    `work["seconds"]` and prints the number of units and the time. `run` does some units and returns their number.
    """
    started = time.perf_counter()
    run()
    print_json(ready=True, firstMs=1e3 * (time.perf_counter() - started), note=note)
    for _ in sys.stdin:
        started = time.perf_counter()
        units = 0
        while units == 0 or time.perf_counter() - started < work["seconds"]:
            units += run()
        print_json(units=units, elapsedMs=1e3 * (time.perf_counter() - started))
