"""
JAX anchor: training as one XLA loop (`lax.scan`, `unroll` steps in each of its iterations) or one compiled
step at a time (`unroll` 0), Adam written out; or evaluation.
"""

import os
import time
from functools import partial

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # contenders share a card

import jax
import jax.numpy as jnp
import numpy as np

from round_protocol import MEAN, STD, read_case, read_mnist, row_order, say, serve

BETA1, BETA2, EPSILON, RATE = 0.9, 0.999, 1e-8, 1e-3


def layer_sizes(case):
    if case["model"] in ("digits", "lora"):
        return [784, 256, 128, 10]
    return [784, case["width"], case["width"], 10]


def uniform(key, shape, inputs):
    bound = inputs**-0.5
    return jax.random.uniform(key, shape, jnp.float32, -bound, bound)


def build(case):
    """(frozen, trained, logits): two trees of weights and the function of them and of images [batch, 784]."""
    keys = iter(jax.random.split(jax.random.key(0), 16))
    if case["model"] == "cnn":
        trained = {
            "k1": uniform(next(keys), (3, 3, 1, 32), 9),
            "b1": jnp.zeros(32),
            "k2": uniform(next(keys), (3, 3, 32, 64), 288),
            "b2": jnp.zeros(64),
            "w": uniform(next(keys), (1600, 10), 1600),
            "b": jnp.zeros(10),
        }
        return {}, trained, cnn_logits
    sizes = layer_sizes(case)
    dense = [
        (uniform(next(keys), (i, o), i), uniform(next(keys), (o,), i)) for i, o in zip(sizes, sizes[1:])
    ]
    if case["model"] == "lora":
        adapters = [
            (uniform(next(keys), (i, 2), i), jnp.zeros((2, o))) for i, o in zip(sizes, sizes[1:])
        ]
        return dense, adapters, lora_logits
    return {}, dense, digits_logits if case["model"] == "digits" else wide_logits


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


def training(case):
    images, labels = (jnp.asarray(array) for array in read_mnist(case, "train"))
    frozen, trained, logits = build(case)
    zeros = partial(jax.tree.map, jnp.zeros_like)
    state = (trained, zeros(trained), zeros(trained), jnp.float32(0))
    order = row_order(case, len(labels), case["chunk"])
    jax.block_until_ready((images, labels, state))

    @partial(jax.jit, donate_argnums=3)
    def loop(images, labels, frozen, state, rows):
        step = partial(adam_step, logits, images, labels, frozen)
        return jax.lax.scan(step, state, rows, unroll=case["unroll"])

    @partial(jax.jit, donate_argnums=3)
    def single(images, labels, frozen, state, rows):
        return adam_step(logits, images, labels, frozen, state, rows)

    def steps():
        nonlocal state
        if case["unroll"] > 0:
            state, losses = loop(images, labels, frozen, state, order)
        else:
            losses = []
            for rows in order:
                state, loss = single(images, labels, frozen, state, rows)
                losses.append(loss)
        jax.block_until_ready((state, losses))
        return len(order)

    return steps, lambda: jax.tree.map(np.asarray, state[0])


def evaluation(case):
    images, labels = read_mnist(case, "t10k")
    frozen, trained, logits = build(case)

    @jax.jit
    def judge(images, labels):
        scores = jax.nn.log_softmax(logits(frozen, trained, normalized(images)))
        loss = -jnp.take_along_axis(scores, labels[:, None].astype(jnp.int32), 1).mean()
        return scores.argmax(1), jnp.exp(scores.max(1)), loss

    batch = case.get("batch", 1000)

    def evaluate():
        for first in range(0, len(images), batch):
            jax.tree.map(np.asarray, judge(images[first : first + batch], labels[first : first + batch]))
        return 1

    return evaluate


def whole(case):
    """A run of `steps` steps, from tracing to weights in NumPy."""
    steps, weights = training(dict(case, chunk=case["steps"]))
    started = time.perf_counter()
    steps()
    weights()
    say(units=case["steps"], elapsedMs=1e3 * (time.perf_counter() - started))


case = read_case()
if not case.get("tf32"):
    jax.config.update("jax_default_matmul_precision", "highest")
if case["task"] == "whole":
    whole(case)
elif case["task"] == "training":
    serve(training(case)[0], case)
else:
    serve(evaluation(case), case)
