"""PyTorch twin of StyleGAN2, from the papers' equations, with kernels of each picture's own.

Module names are those of the reference's checkpoints. Imported only where torch is.
"""

import math

import torch
from torch import nn
from torch.nn import functional

TAPS = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8.0
FILTER = TAPS[:, None] * TAPS[None, :]


def smoothed(x, pads, up=1, down=1, gain=1.0):
    """Zeros between the pixels, zeros around, the filter, every `down`-th pixel."""
    n, c, h, w = x.shape
    if up > 1:
        spread = x.new_zeros(n, c, h * up, w * up)
        spread[:, :, ::up, ::up] = x
        x = spread
    x = functional.pad(x, [*pads, *pads])
    kernel = (gain * FILTER.to(x.dtype)).expand(c, 1, 4, 4)
    return functional.conv2d(x, kernel, groups=c)[:, :, ::down, ::down]


def norm2(x):
    return x / torch.sqrt(torch.mean(x**2, 1, keepdim=True) + 1e-8)


def lrelu(x):
    return functional.leaky_relu(x, 0.2) * math.sqrt(2)


class Dense(nn.Module):
    def __init__(self, fan_in, units, m=1.0, bias=0.0, act=False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(units, fan_in) / m)
        self.bias = nn.Parameter(torch.full((units,), float(bias)) + 0.1 * torch.randn(units) / m)
        self.m, self.act = m, act

    def forward(self, x):
        y = x @ (self.weight * (self.m / math.sqrt(self.weight.shape[1]))).T + self.bias * self.m
        return lrelu(y) if self.act else y


class Mapping(nn.Module):
    def __init__(self, z, c, w, layers, averaged=True):
        super().__init__()
        self.z, self.c = z, c
        if c:
            self.embed = Dense(c, w)
        widths = [(z if z else 0) + (w if c else 0)] + [w] * layers
        for i in range(layers):
            setattr(self, f"fc{i}", Dense(widths[i], widths[i + 1], m=0.01, act=True))
        self.layers = layers
        if averaged:
            self.register_buffer("w_avg", torch.randn(w))

    def forward(self, z, c=None):
        parts = [norm2(z)] if self.z else []
        if self.c:
            parts.append(norm2(self.embed(c)))
        x = torch.cat(parts, 1)
        for i in range(self.layers):
            x = getattr(self, f"fc{i}")(x)
        return x


class Layer(nn.Module):
    """One modulated convolution with kernels of each picture's own or, faster, one for all."""

    per_picture = True

    def __init__(self, maps, filters, w, side, k=3, up=False, rgb=False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(filters, maps, k, k))
        self.affine = Dense(w, maps, bias=1.0)
        self.bias = nn.Parameter(0.1 * torch.randn(filters))
        self.up, self.rgb, self.k = up, rgb, k
        if not rgb:
            self.noise_strength = nn.Parameter(0.1 * torch.randn(()))
            self.register_buffer("noise_const", torch.randn(side, side))

    def forward(self, x, w, noise=None):
        n = x.shape[0]
        s = self.affine(w)
        if self.rgb:
            s = s / math.sqrt(x.shape[1] * self.k**2)
        if not self.per_picture:
            return self.finished(self.scaled(x, s), noise)
        kernels = self.weight[None] * s[:, None, :, None, None]
        if not self.rgb:
            kernels = kernels * torch.rsqrt((kernels**2).sum((2, 3, 4), keepdim=True) + 1e-8)
        out = []
        for i in range(n):
            if self.up:
                y = functional.conv_transpose2d(x[i : i + 1], kernels[i].transpose(0, 1), stride=2)
                y = smoothed(y, (1, 1), gain=4.0)
            else:
                y = functional.conv2d(x[i : i + 1], kernels[i], padding=self.k // 2)
            out.append(y)
        return self.finished(torch.cat(out), noise)

    def scaled(self, x, s):
        """The same with inputs and outputs scaled in place of the kernels."""
        x = x * s[:, :, None, None]
        if self.up:
            y = functional.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2)
            y = smoothed(y, (1, 1), gain=4.0)
        else:
            y = functional.conv2d(x, self.weight, padding=self.k // 2)
        if self.rgb:
            return y
        d = torch.rsqrt(s**2 @ (self.weight**2).sum((2, 3)).T + 1e-8)
        return y * d[:, :, None, None]

    def finished(self, y, noise):
        if self.rgb:
            return y + self.bias[None, :, None, None]
        noise = self.noise_const[None, None] if noise is None else noise
        return lrelu(y + self.noise_strength * noise + self.bias[None, :, None, None])


class Block(nn.Module):
    def __init__(self, maps, filters, w, side, channels):
        super().__init__()
        self.side = side
        if side == 4:
            self.const = nn.Parameter(torch.randn(filters, 4, 4))
        else:
            self.conv0 = Layer(maps, filters, w, side, up=True)
        self.conv1 = Layer(filters, filters, w, side)
        self.torgb = Layer(filters, channels, w, side, k=1, rgb=True)


class Synthesis(nn.Module):
    def __init__(self, side, channels, w, widths):
        super().__init__()
        self.sides = sorted(widths)
        previous = None
        for r in self.sides:
            setattr(self, f"b{r}", Block(previous, widths[r], w, r, channels))
            previous = widths[r]
        self.num_ws = 2 * len(self.sides)

    def forward(self, ws, noises=None):
        noises = dict(noises or {})
        image, place = None, 0
        for r in self.sides:
            block = getattr(self, f"b{r}")
            if r == 4:
                x = block.const[None].expand(ws.shape[0], -1, -1, -1)
            else:
                x = block.conv0(x, ws[:, place], noises.get(f"b{r}_conv0"))
                place += 1
            x = block.conv1(x, ws[:, place], noises.get(f"b{r}_conv1"))
            place += 1
            rgb = block.torgb(x, ws[:, place])
            image = rgb if image is None else smoothed(image, (2, 1), up=2, gain=4.0) + rgb
        return image


class Generator(nn.Module):
    def __init__(self, side, channels, z, w, widths, layers, c=0):
        super().__init__()
        self.mapping = Mapping(z, c, w, layers)
        self.synthesis = Synthesis(side, channels, w, widths)

    def forward(self, z, c=None, psi=1.0):
        w = self.mapping(z, c)
        w = self.mapping.w_avg + psi * (w - self.mapping.w_avg)
        return self.synthesis(w[:, None].repeat(1, self.synthesis.num_ws, 1))


class Conv(nn.Module):
    def __init__(self, maps, filters, k, down=False, act=True, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(filters, maps, k, k))
        self.bias = nn.Parameter(0.1 * torch.randn(filters)) if bias else None
        self.k, self.down, self.act = k, down, act

    def forward(self, x):
        kernel = self.weight / math.sqrt(self.weight[0].numel())
        if self.down and self.k == 1:
            y = functional.conv2d(smoothed(x, (1, 1), down=2), kernel)
        elif self.down:
            y = functional.conv2d(smoothed(x, (2, 2)), kernel, stride=2)
        else:
            y = functional.conv2d(x, kernel, padding=self.k // 2)
        if self.bias is not None:
            y = y + self.bias[None, :, None, None]
        return lrelu(y) if self.act else y


class DBlock(nn.Module):
    def __init__(self, side, width, narrower, residual, channels=None):
        super().__init__()
        if channels:
            self.fromrgb = Conv(channels, width, 1)
        self.conv0 = Conv(width, width, 3)
        self.conv1 = Conv(width, narrower, 3, down=True)
        if residual:
            self.skip = Conv(width, narrower, 1, down=True, act=False, bias=False)
        self.residual, self.first = residual, bool(channels)

    def forward(self, x):
        if self.first:
            x = self.fromrgb(x)
        y = self.conv1(self.conv0(x))
        return (self.skip(x) + y) * math.sqrt(0.5) if self.residual else y


class Epilogue(nn.Module):
    def __init__(self, width, group, out):
        super().__init__()
        self.conv = Conv(width + 1, width, 3)
        self.fc = Dense(width * 16, width, act=True)
        self.out = Dense(width, out)
        self.group = group

    def features(self, x):
        n = x.shape[0]
        g = min(self.group, n)
        y = x.reshape(g, n // g, *x.shape[1:])
        y = y - y.mean(0)
        y = torch.sqrt((y**2).mean(0) + 1e-8).mean((1, 2, 3))
        x = torch.cat([x, y.repeat(g)[:, None, None, None].expand(-1, 1, 4, 4)], 1)
        return self.fc(self.conv(x).flatten(1))


class Discriminator(nn.Module):
    """`classes`: logits of a classifier besides, from the features before the last layer."""

    def __init__(
        self, side, channels, widths, group=4, residual=True, c=0, w=0, map_layers=0, classes=0
    ):
        super().__init__()
        self.sides = sorted(widths, reverse=True)
        for r, half in zip(self.sides, self.sides[1:], strict=False):
            first = channels if r == side else None
            setattr(self, f"b{r}", DBlock(r, widths[r], widths[half], residual, first))
        self.b4 = Epilogue(widths[4], group, w if c else 1)
        if c:
            self.mapping = Mapping(0, c, w, map_layers, averaged=False)
        self.classes = Dense(widths[4], classes) if classes else None

    def forward(self, x, c=None):
        for r in self.sides[:-1]:
            x = getattr(self, f"b{r}")(x)
        features = self.b4.features(x)
        x = self.b4.out(features)
        if c is None:
            return x
        logits = (x * self.mapping(None, c)).sum(1, keepdim=True) / math.sqrt(x.shape[1])
        return (logits, self.classes(features)) if self.classes else logits


def path_length_penalty(generator, ws, noise, noises, mean):
    """`mean((|J^T y| - a)^2)` after a has followed, and the new a; `noise` is y."""
    image = generator.synthesis(ws, noises)
    (slope,) = torch.autograd.grad((image * noise).sum(), ws, create_graph=True)
    lengths = torch.sqrt((slope**2).sum(2).mean(1) + 1e-12)
    mean = mean + 0.01 * (lengths.mean().detach() - mean)
    return ((lengths - mean) ** 2).mean(), mean
