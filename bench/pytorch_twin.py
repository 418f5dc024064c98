"""The trainer's step again in PyTorch, for bench/train.mjs: what a user of that library would get, and its gradients.

    python3 pytorch_twin.py time FOLDER       milliseconds per step, as one line of JSON
    python3 pytorch_twin.py gradients FOLDER  loss, and the gradients as float32 in gradients.bin

FOLDER holds job.json (configuration, names and shapes of the tensors), tensors.bin (float32, effective values for "gradients",
latent ones for "time") and windows.bin (u16, batch x (context + 1)).
"""
import json
import math
import sys
import time

import numpy
import torch
import torch.nn.functional as F


def ternary(w):
    scale = w.abs().mean()
    return scale * torch.clamp(torch.round(w / scale), -1, 1)


def int4(w):
    step = 2.6 * w.pow(2).mean(1, keepdim=True).sqrt() / 7
    return step * torch.clamp(torch.round(w / step), -7, 7)


def largest(w, limit):
    step = w.abs().amax(1, keepdim=True) / limit
    return step * torch.clamp(torch.round(w / step), -limit, limit)


quantisers = {"ternary": ternary, "int4": int4, "int6": lambda w: largest(w, 31), "int8": lambda w: largest(w, 127)}


class Model:
    """`variant` picks among equivalent ways to compute; which is fastest depends on shape and machine."""

    def __init__(self, job, tensors, variant, quantise):
        self.config = job["config"]
        self.specs = job["tensors"]
        self.latent = tensors
        self.variant = variant
        self.quantise = quantise
        self.context = self.config["train"]["context"]
        steps = torch.arange(self.context)
        self.lag = (steps[:, None] - steps[None, :]).clamp(min=0).to(next(iter(tensors.values())).dtype)
        self.causal = steps[:, None] >= steps[None, :]

    def effective(self):
        if not self.quantise:
            return self.latent
        out = {}
        for spec in self.specs:
            w = self.latent[spec["name"]]
            quantiser = quantisers.get(spec["quantiser"])
            out[spec["name"]] = w if quantiser is None else w + (quantiser(w) - w).detach()
        return out

    def convolution(self, n, taps):
        if self.variant["convolution"] == "conv1d":
            padded = F.pad(n.transpose(1, 2), (4, 0))
            return F.conv1d(padded, taps.flip(1)[:, None, :], groups=taps.shape[0]).transpose(1, 2)
        padded = F.pad(n, (0, 0, 4, 0))
        return sum(taps[:, j] * padded[:, 4 - j : 4 - j + n.shape[1]] for j in range(5))

    def recurrence(self, n, a, b):
        kind = self.variant["state"]
        if kind == "loop":
            s, rows = torch.zeros_like(n[:, 0]), []
            for bn in (b * n).unbind(1):
                s = a * s + bn
                rows.append(s)
            return torch.stack(rows, 1)
        T = n.shape[1]
        if kind == "doubling":
            s, power, shift = b * n, a, 1
            while shift < T:
                s = s + power * F.pad(s, (0, 0, shift, 0))[:, :T]
                power, shift = power * power, 2 * shift
            return s
        if kind == "fft":
            powers = a[:, None] ** torch.arange(T, dtype=n.dtype)
            spectrum = torch.fft.rfft((b * n).transpose(1, 2), 2 * T) * torch.fft.rfft(powers, 2 * T)
            return torch.fft.irfft(spectrum, 2 * T)[..., :T].transpose(1, 2)
        kernel = torch.where(self.causal, a[:, None, None] ** self.lag, torch.zeros((), dtype=n.dtype))
        return torch.matmul(kernel, (b * n).permute(2, 1, 0)).permute(2, 1, 0)

    def attention(self, q, k, v, window):
        visible = self.causal & (self.lag < window)
        scores = (q @ k.transpose(1, 2) / math.sqrt(q.shape[2])).masked_fill(~visible, -math.inf)
        best, places = scores.topk(min(self.config["topK"], scores.shape[2]), 2)
        if self.variant["attention"] == "gather":
            p = torch.softmax(best, 2)
            rows = torch.arange(v.shape[0])[:, None, None]
            return (p[..., None] * v[rows, places]).sum(2)
        kept = torch.full_like(scores, -math.inf).scatter(2, places, best)
        return torch.softmax(kept, 2) @ v

    def layer(self, x, t, layer):
        gated = self.config["block"] == "gated"
        n = F.layer_norm(x, x.shape[-1:], t["norm.gamma"], t["norm.beta"], 1e-5)
        u = n @ t["in"].T if gated else n
        parts = []
        local = self.convolution(u, t["local.taps"]) if layer["pathways"]["local"] else None
        if local is not None:
            parts.append(local)
        if layer["pathways"]["state"]:
            a = torch.tanh(t["state.decay"])
            s = self.recurrence(local, a, 1 - a) if gated else self.recurrence(n, a, t["state.gain"])
            parts.append(t["state.out"] * s)
        if layer["pathways"]["sparse"]:
            source = local if gated else n
            v = u if gated else n @ t["sparse.value"].T
            q, k = source @ t["sparse.query"].T, source @ t["sparse.key"].T
            parts.append(self.attention(q, k, v, layer["window"]))
        if len(parts) > 1:
            logits = n @ t["router.weight"].T
            r = torch.softmax(logits + t["router.bias"], 2) * len(parts) if gated else torch.softmax(logits, 2)
            parts = [r[..., i : i + 1] * part for i, part in enumerate(parts)]
        mixed = sum(parts)
        return x + ((mixed * (n @ t["gate"].T)) @ t["out"].T if gated else mixed)

    def loss(self, windows):
        t = self.effective()
        x = F.embedding(windows[:, :-1], t["embed"])
        for index, layer in enumerate(self.config["layers"]):
            prefix = f"layers.{index}."
            x = self.layer(x, {k[len(prefix) :]: w for k, w in t.items() if k.startswith(prefix)}, layer)
        x = F.layer_norm(x, x.shape[-1:], t["final.gamma"], t["final.beta"], 1e-5)
        logits = x @ t["embed" if self.config["tied"] else "unembed"].T
        return F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())


def read_job(folder):
    with open(f"{folder}/job.json") as file:
        job = json.load(file)
    values = numpy.fromfile(f"{folder}/tensors.bin", dtype=numpy.float32)
    tensors, start = {}, 0
    for spec in job["tensors"]:
        size = int(numpy.prod(spec["shape"]))
        tensors[spec["name"]] = torch.from_numpy(values[start : start + size].reshape(spec["shape"]).copy())
        start += size
    train = job["config"]["train"]
    symbols = numpy.fromfile(f"{folder}/windows.bin", dtype=numpy.uint16).astype(numpy.int64)
    return job, tensors, torch.from_numpy(symbols.reshape(train["batch"], train["context"] + 1))


def step_ms(job, tensors, windows, variant, limit_seconds, least):
    """Median milliseconds of a full step: forward, backward, clipping, AdamW."""
    train = job["config"]["train"]
    leaves = {name: w.clone().requires_grad_() for name, w in tensors.items()}
    model = Model(job, leaves, variant, True)
    is_table = lambda name: name in ("embed", "unembed")
    groups = [
        {"params": [w for name, w in leaves.items() if is_table(name)], "lr": 1e-5},
        {"params": [w for name, w in leaves.items() if not is_table(name)], "lr": 1e-5},
    ]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.1, foreach=variant["foreach"])
    times, start = [], time.perf_counter()
    while len(times) <= least or time.perf_counter() - start < limit_seconds:
        begin = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        model.loss(windows).backward()
        torch.nn.utils.clip_grad_norm_(leaves.values(), train["clip"])
        optimiser.step()
        times.append((time.perf_counter() - begin) * 1e3)
    # The first warms up.
    times = sorted(times[1:])
    return times[len(times) // 2]


def find_variant(job, tensors, windows, timed):
    """One choice at a time, each with the best found so far: the choices hardly meet."""
    choices = [("state", ["doubling", "matrix", "fft", "loop"]), ("attention", ["scatter", "gather"])]
    choices += [("convolution", ["shift", "conv1d"]), ("foreach", [False, True])]
    variant = {name: options[0] for name, options in choices}
    for name, options in choices:
        times = {}
        for option in options:
            times[option] = step_ms(job, tensors, windows, {**variant, name: option}, 0.3, 1)
            timed.append({**variant, name: option, "medianMs": times[option]})
        variant[name] = min(options, key=times.get)
    return variant


def gemm_gflops():
    """Speed of the BLAS behind PyTorch: Debian's reference one is tens of times slower than OpenBLAS."""
    a, best = torch.rand(512, 512), math.inf
    for _ in range(10):
        begin = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - begin)
    return 2 * 512**3 / best / 1e9


def time_steps(folder):
    job, tensors, windows = read_job(folder)
    torch.set_num_threads(job["ompThreads"])
    tried = []
    variant = job["variant"] or find_variant(job, tensors, windows, tried)
    median = step_ms(job, tensors, windows, variant, job["seconds"], 3)
    print(json.dumps({"variant": variant, "medianMs": median, "gemmGflops": gemm_gflops(), "tried": tried}))


def gradients(folder):
    job, tensors, windows = read_job(folder)
    leaves = {name: w.double().requires_grad_() for name, w in tensors.items()}
    variant = {"convolution": "shift", "state": "loop", "attention": "gather"}
    loss = Model(job, leaves, variant, False).loss(windows)
    loss.backward()
    flat = [leaves[spec["name"]].grad.flatten() for spec in job["tensors"]]
    torch.cat(flat).float().numpy().tofile(f"{folder}/gradients.bin")
    print(json.dumps({"loss": loss.item()}))


if __name__ == "__main__":
    {"time": time_steps, "gradients": gradients}[sys.argv[1]](sys.argv[2])
