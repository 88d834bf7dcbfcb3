"""PyTorch twins of pix2pixHD, from the paper and the layer facts of its reference, with its module
names. Imported only where torch is."""

import torch
from torch import nn
from torch_twins import ConvBlock, Wrapped


def generator(downs, blocks, filters, channels=3):
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(channels, filters, 7)]
    layers += [nn.InstanceNorm2d(filters), nn.ReLU()]
    widths = [filters * 2**level for level in range(downs + 1)]
    for narrow, wide in zip(widths, widths[1:], strict=False):
        layers += [nn.Conv2d(narrow, wide, 3, 2, 1), nn.InstanceNorm2d(wide), nn.ReLU()]
    layers += [ConvBlock(widths[-1]) for _ in range(blocks)]
    for narrow, wide in reversed(list(zip(widths, widths[1:], strict=False))):
        layers += [nn.ConvTranspose2d(wide, narrow, 3, 2, 1, output_padding=1)]
        layers += [nn.InstanceNorm2d(narrow), nn.ReLU()]
    return Wrapped(*layers, nn.ReflectionPad2d(3), nn.Conv2d(filters, 3, 7), nn.Tanh())


class Discriminator(nn.Module):
    """Its layers are called `scaleS_layerL`; S counts from the smallest scale."""

    def __init__(self, channels, filters, scales=2):
        super().__init__()
        self.scales = scales
        for scale in range(scales):
            before = channels
            for layer, (width, stride) in enumerate(((1, 2), (2, 2), (4, 2), (8, 1))):
                parts = [nn.Conv2d(before, width * filters, 4, stride, 2)]
                parts += [nn.InstanceNorm2d(width * filters)] if layer else []
                before = width * filters
                self.add_module(
                    f"scale{scale}_layer{layer}", nn.Sequential(*parts, nn.LeakyReLU(0.2))
                )
            self.add_module(f"scale{scale}_layer4", nn.Sequential(nn.Conv2d(before, 1, 4, 1, 2)))
        self.smaller = nn.AvgPool2d(3, 2, 1, count_include_pad=False)

    def forward(self, source, target):
        pair, found = torch.cat([source, target], 1), []
        for scale in reversed(range(self.scales)):
            outputs = [pair]
            for layer in range(5):
                outputs.append(getattr(self, f"scale{scale}_layer{layer}")(outputs[-1]))
            found.append(outputs[1:])
            pair = self.smaller(pair)
        return found
