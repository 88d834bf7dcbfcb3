"""PyTorch twins of the translators' networks, written from the papers' tables and the layer
facts of pytorch-CycleGAN-and-pix2pix, with its module names. Imported only where torch is."""

import numpy as np
import torch
from torch import nn


class ConvBlock(nn.Module):
    """Residual block whose branch is called `conv_block`."""

    def __init__(self, width):
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x):
        return x + self.conv_block(x)


class Wrapped(nn.Module):
    """A network whose layers are called `model.N`."""

    def __init__(self, *layers):
        super().__init__()
        self.model = nn.Sequential(*layers)

    def forward(self, *inputs):
        return self.model(torch.cat(inputs, 1))


def resnet(blocks, filters=64, channels=3):
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(channels, filters, 7)]
    layers += [nn.InstanceNorm2d(filters), nn.ReLU()]
    for width in (filters, 2 * filters):
        layers += [nn.Conv2d(width, 2 * width, 3, 2, 1), nn.InstanceNorm2d(2 * width), nn.ReLU()]
    layers += [ConvBlock(4 * filters) for _ in range(blocks)]
    for width in (4 * filters, 2 * filters):
        layers += [nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1)]
        layers += [nn.InstanceNorm2d(width // 2), nn.ReLU()]
    layers += [nn.ReflectionPad2d(3), nn.Conv2d(filters, channels, 7), nn.Tanh()]
    return Wrapped(*layers)


def patch_gan(channels, filters=64, norm=nn.InstanceNorm2d):
    bias = norm is nn.InstanceNorm2d
    layers = [nn.Conv2d(channels, filters, 4, 2, 1), nn.LeakyReLU(0.2)]
    for width, stride in ((filters, 2), (2 * filters, 2), (4 * filters, 1)):
        layers += [nn.Conv2d(width, 2 * width, 4, stride, 1, bias=bias)]
        layers += [norm(2 * width), nn.LeakyReLU(0.2)]
    return Wrapped(*layers, nn.Conv2d(8 * filters, 1, 4, 1, 1))


class Level(nn.Module):
    """A level of the U-Net around the one below it, its layers called `model.N`."""

    def __init__(self, *layers, outermost=False):
        super().__init__()
        self.model = nn.Sequential(*layers)
        self.outermost = outermost

    def forward(self, x):
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class Unet(nn.Module):
    def __init__(self, downs, filters=64, channels=3, dropout=0.5):
        super().__init__()
        widths = [filters * min(2**level, 8) for level in range(downs)]
        inner, outer = widths[-1], widths[-2]
        block = Level(
            nn.LeakyReLU(0.2),
            nn.Conv2d(outer, inner, 4, 2, 1, bias=False),
            nn.ReLU(),
            nn.ConvTranspose2d(inner, outer, 4, 2, 1, bias=False),
            nn.BatchNorm2d(outer),
        )
        for level in range(downs - 1, 1, -1):
            inner, outer = widths[level - 1], widths[level - 2]
            layers = [
                nn.LeakyReLU(0.2),
                nn.Conv2d(outer, inner, 4, 2, 1, bias=False),
                nn.BatchNorm2d(inner),
                block,
                nn.ReLU(),
                nn.ConvTranspose2d(2 * inner, outer, 4, 2, 1, bias=False),
                nn.BatchNorm2d(outer),
            ]
            block = Level(*layers, *([nn.Dropout(dropout)] if level > 4 else []))
        self.model = Level(
            nn.Conv2d(channels, filters, 4, 2, 1, bias=False),
            block,
            nn.ReLU(),
            nn.ConvTranspose2d(2 * filters, channels, 4, 2, 1),
            nn.Tanh(),
            outermost=True,
        )

    def forward(self, x):
        return self.model(x)


def dcgan_generator():
    layers, width = [nn.ConvTranspose2d(100, 512, 4, 1, 0, bias=False)], 512
    for narrower in (256, 128, 64):
        layers += [nn.BatchNorm2d(width), nn.ReLU(True)]
        layers += [nn.ConvTranspose2d(width, narrower, 4, 2, 1, bias=False)]
        width = narrower
    layers += [nn.BatchNorm2d(width), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh())


def dcgan_discriminator():
    layers, width = [nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)], 64
    for wider in (128, 256, 512):
        layers += [nn.Conv2d(width, wider, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(wider), nn.LeakyReLU(0.2, True)]
        width = wider
    return nn.Sequential(*layers, nn.Conv2d(width, 1, 4, 1, 0, bias=False))


def initialise(network, seed=0):
    """Kernels N(0, 0.02) as in the papers; all else unlike its default, lest it match by chance."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("num_batches_tracked"):
                continue
            spread = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(0.5 + spread.abs())
            elif tensor.dim() == 1 and name.endswith("weight"):
                tensor.copy_(1 + 0.2 * spread)
            else:
                tensor.copy_(0.02 * spread)
    return network


def copy_weights(twin, network, modules):
    """Copies a twin's weights into ours. `modules` is what `reference_layers` says."""
    state = twin.state_dict()
    for module, name in modules.items():
        if f"{module}.weight" not in state:  # another name for the same, of other versions
            continue
        layer = network.get_layer(name)
        weight = state[f"{module}.weight"].numpy()
        bias = state[f"{module}.bias"].numpy() if f"{module}.bias" in state else None
        if weight.ndim == 4:
            layer.kernel.assign(weight.transpose(2, 3, 1, 0))
            if layer.use_bias:
                layer.bias.assign(bias)
            continue
        layer.gamma.assign(weight)
        layer.beta.assign(bias)
        layer.moving_mean.assign(state[f"{module}.running_mean"].numpy())
        layer.moving_variance.assign(state[f"{module}.running_var"].numpy())


def nchw(array):
    return torch.from_numpy(np.ascontiguousarray(np.asarray(array).transpose(0, 3, 1, 2)))


def nhwc(tensor):
    return tensor.detach().numpy().transpose(0, 2, 3, 1)
