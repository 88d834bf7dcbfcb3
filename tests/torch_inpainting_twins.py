"""PyTorch twins of the networks that fill holes, written from the facts of the references.

Imported only where torch is.
"""

import torch
from torch import nn


class ContextGenerator(nn.Module):
    """Down to one pixel and up again to half of the side."""

    def __init__(self, filters=64, bottleneck=4000, halvings=5):
        super().__init__()
        widths = [filters, *(filters * 2**level for level in range(halvings - 1))]
        layers = [nn.Conv2d(3, filters, 4, 2, 1), nn.LeakyReLU(0.2)]
        for taken, given in zip(widths[:-1], widths[1:], strict=True):
            layers += [nn.Conv2d(taken, given, 4, 2, 1), nn.BatchNorm2d(given), nn.LeakyReLU(0.2)]
        layers += [nn.Conv2d(widths[-1], bottleneck, 4), nn.BatchNorm2d(bottleneck)]
        layers += [nn.LeakyReLU(0.2), nn.ConvTranspose2d(bottleneck, widths[-1], 4)]
        layers += [nn.BatchNorm2d(widths[-1]), nn.ReLU()]
        for taken, given in zip(widths[:1:-1], widths[-2:0:-1], strict=True):
            layers += [nn.ConvTranspose2d(taken, given, 4, 2, 1), nn.BatchNorm2d(given), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(filters, 3, 4, 2, 1), nn.Tanh())

    def forward(self, pictures):
        return self.layers(pictures)


class ContextDiscriminator(nn.Module):
    def __init__(self, filters=64, halvings=4):
        super().__init__()
        layers, width = [nn.Conv2d(3, filters, 4, 2, 1), nn.LeakyReLU(0.2)], filters
        for _ in range(1, halvings):
            layers += [nn.Conv2d(width, 2 * width, 4, 2, 1), nn.BatchNorm2d(2 * width)]
            layers += [nn.LeakyReLU(0.2)]
            width *= 2
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, 1, 4))

    def forward(self, middles):
        return self.layers(middles)


def hidden(pictures, overlap):
    """Pictures with all but `overlap` pixels of their middle quarter under the mean colour."""
    side = pictures.shape[-1]
    first, stop = side // 4 + overlap, 3 * side // 4 - overlap
    covered = pictures.clone()
    for channel, level in enumerate((117.0, 104.0, 123.0)):
        covered[:, channel, first:stop, first:stop] = 2 * level / 255 - 1
    return covered


def context_layers(halvings):
    """Names of our generator's layers, in the order of the twin's modules with weights."""
    names = ["down_1"]
    for level in range(2, halvings + 1):
        names += [f"down_{level}", f"down_{level}_norm"]
    names += ["bottleneck", "bottleneck_norm"]
    for level in range(halvings - 1, 0, -1):
        names += [f"up_{level}", f"up_{level}_norm"]
    return [*names, "up_0"]


def judge_layers(halvings):
    names = ["conv_1"]
    for level in range(2, halvings + 1):
        names += [f"conv_{level}", f"conv_{level}_norm"]
    return [*names, "score"]


def unet_layers(downs):
    """The same of the U-Net, whose twin's modules are numbered from the outside inwards."""
    names = ["down_1"]
    for level in range(2, downs):
        names += [f"down_{level}", f"down_{level}_norm"]
    names.append(f"down_{downs}")
    for level in range(downs, 1, -1):
        names += [f"up_{level}", f"up_{level}_norm"]
    return [*names, "up_1"]


PATCH_LAYERS = [
    *("conv_1", "conv_2", "conv_2_norm", "conv_3", "conv_3_norm", "conv_4", "conv_4_norm"),
    "conv_5",
]


def pairs(twin, network, names):
    """`(PyTorch's tensor, our variable)` of all that is learned."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)
    modules = [module for module in twin.modules() if isinstance(module, kinds)]
    found = []
    for module, name in zip(modules, names, strict=True):
        variables = network.get_layer(name).trainable_variables
        tensors = [tensor for tensor in (module.weight, module.bias) if tensor is not None]
        found += zip(tensors, variables, strict=True)
    return found


def initialise(twin, seed):
    """Kernels that keep the spread of what comes in, all else unlike its default."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in twin.named_parameters():
            spread = torch.randn(tensor.shape, generator=generator)
            if tensor.dim() == 4:
                tensor.copy_(spread * (1.0 / tensor[0].numel()) ** 0.5)
            else:
                tensor.copy_(0.2 * spread + (0.0 if name.endswith("bias") else 1.0))
    return twin
