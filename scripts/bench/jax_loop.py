"""
JAX: training as one XLA loop (`lax.scan` with `unroll` steps per iteration), or with one call of a compiled step per step
(`unroll` 0); or evaluation. Adam is written out.
"""

import os
import time
from functools import partial

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # contenders share a GPU

import jax
import jax.numpy as jnp
import numpy as np

from round_protocol import MEAN, STD, print_json, read_mnist, read_work, serve, shuffled_rows

BETA1, BETA2, EPSILON, RATE = 0.9, 0.999, 1e-8, 1e-3


def layer_sizes(work):
    if work["model"] in ("digits", "lora"):
        return [784, 256, 128, 10]
    return [784, work["width"], work["width"], 10]


def uniform(key, shape, inputs):
    bound = inputs**-0.5
    return jax.random.uniform(key, shape, jnp.float32, -bound, bound)


def build(work):
    """(frozen, trained, logits): two trees of weights, and the function of both and of images [batch, 784]."""
    keys = iter(jax.random.split(jax.random.key(0), 16))
    if work["model"] == "cnn":
        trained = {
            "k1": uniform(next(keys), (3, 3, 1, 32), 9),
            "b1": jnp.zeros(32),
            "k2": uniform(next(keys), (3, 3, 32, 64), 288),
            "b2": jnp.zeros(64),
            "w": uniform(next(keys), (1600, 10), 1600),
            "b": jnp.zeros(10),
        }
        return {}, trained, cnn_logits
    sizes = layer_sizes(work)
    dense = [
        (uniform(next(keys), (i, o), i), uniform(next(keys), (o,), i)) for i, o in zip(sizes, sizes[1:])
    ]
    if work["model"] == "lora":
        adapters = [
            (uniform(next(keys), (i, 2), i), jnp.zeros((2, o))) for i, o in zip(sizes, sizes[1:])
        ]
        return dense, adapters, lora_logits
    return {}, dense, digits_logits if work["model"] == "digits" else wide_logits


def digits_logits(_, dense, x):
    for w, b in dense:
        x = x @ w + b
    return jax.nn.relu(x)


def wide_logits(_, dense, x):
    for w, b in dense[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = dense[-1]
    return x @ w + b


def lora_logits(dense, adapters, x):
    for (w, bias), (a, b) in zip(dense, adapters):
        x = x @ w + bias + (x @ a) @ b * 0.5
    return jax.nn.relu(x)


def cnn_logits(_, p, x):
    def block(x, kernel, bias):
        x = jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return jax.lax.reduce_window(
            jax.nn.relu(x + bias), -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"
        )

    x = block(block(x.reshape(-1, 28, 28, 1), p["k1"], p["b1"]), p["k2"], p["b2"])
    return x.reshape(len(x), -1) @ p["w"] + p["b"]


def normalized(images):
    return images.astype(jnp.float32) * (1 / (255 * STD)) - MEAN / STD


def adam_step(logits, images, labels, frozen, state, rows):
    trained, m, v, count = state

    def loss_of(trained):
        scores = jax.nn.log_softmax(logits(frozen, trained, normalized(images[rows])))
        return -jnp.take_along_axis(scores, labels[rows][:, None].astype(jnp.int32), 1).mean()

    loss, gradient = jax.value_and_grad(loss_of)(trained)
    count = count + 1
    m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, gradient)
    v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, gradient)
    step_size = RATE / (1 - BETA1**count)
    correction = jax.lax.rsqrt(1 - BETA2**count)
    trained = jax.tree.map(
        lambda p, m, v: p - step_size * m / (jnp.sqrt(v) * correction + EPSILON), trained, m, v
    )
    return (trained, m, v, count), loss


def training(work):
    images, labels = (jnp.asarray(array) for array in read_mnist(work, "train"))
    frozen, trained, logits = build(work)
    zeros = partial(jax.tree.map, jnp.zeros_like)
    state = (trained, zeros(trained), zeros(trained), jnp.float32(0))
    all_rows = shuffled_rows(work, len(labels), work["stepsPerCall"])
    jax.block_until_ready((images, labels, state))

    @partial(jax.jit, donate_argnums=3)
    def loop(images, labels, frozen, state, rows):
        step = partial(adam_step, logits, images, labels, frozen)
        return jax.lax.scan(step, state, rows, unroll=work["unroll"])

    @partial(jax.jit, donate_argnums=3)
    def single(images, labels, frozen, state, rows):
        return adam_step(logits, images, labels, frozen, state, rows)

    def steps():
        nonlocal state
        if work["unroll"] > 0:
            state, losses = loop(images, labels, frozen, state, all_rows)
        else:
            losses = []
            for rows in all_rows:
                state, loss = single(images, labels, frozen, state, rows)
                losses.append(loss)
        jax.block_until_ready((state, losses))
        return len(all_rows)

    return steps, lambda: jax.tree.map(np.asarray, state[0])


def evaluation(work):
    images, labels = read_mnist(work, "t10k")
    frozen, trained, logits = build(work)

    @jax.jit
    def predict(images, labels):
        scores = jax.nn.log_softmax(logits(frozen, trained, normalized(images)))
        loss = -jnp.take_along_axis(scores, labels[:, None].astype(jnp.int32), 1).mean()
        return scores.argmax(1), jnp.exp(scores.max(1)), loss

    batch = work.get("batch", 1000)

    def evaluate():
        for first in range(0, len(images), batch):
            jax.tree.map(np.asarray, predict(images[first : first + batch], labels[first : first + batch]))
        return 1

    return evaluate


def whole(work):
    """A run of `steps` steps, from tracing to the weights as NumPy arrays."""
    steps, weights = training(dict(work, stepsPerCall=work["steps"]))
    started = time.perf_counter()
    steps()
    weights()
    print_json(units=work["steps"], elapsedMs=1e3 * (time.perf_counter() - started))


work = read_work()
if not work.get("tf32"):
    jax.config.update("jax_default_matmul_precision", "highest")
if work["task"] == "whole":
    whole(work)
elif work["task"] == "training":
    serve(training(work)[0], work)
else:
    serve(evaluation(work), work)
