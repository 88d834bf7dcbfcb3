"""What a deployment format must know: how to write a network, and how to run the file again."""

import abc
import dataclasses
import importlib.metadata
import importlib.util
import re
from pathlib import Path

# Ops that draw their own numbers. Such a file gives another picture each run, or, where the seed
# is baked in, can never be asked for another one.
_RANDOM = re.compile(r"random|multinomial|bernoulli|rng", re.IGNORECASE)


#: Suffixes that promise a file of some kind; other dots in names are just dots.
FILE_SUFFIXES = (".onnx", ".tflite", ".keras", ".h5", ".pb", ".zip")


class ExportError(ValueError):
    """A network that cannot be shipped as asked."""


class UnsupportedOps(ExportError):
    """A network needs operations its format does not have, or must not ship."""


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """What files that compute in float32 are held to.

    Attributes:
        difference: largest |file - Keras| that counts as the same network.
    """

    difference: float


@dataclasses.dataclass(frozen=True)
class Floor:
    """What files that compute in less are held to: how like Keras' pictures theirs must be.

    Attributes:
        translated: PSNR in dB, of networks that are given pictures.
        generated: PSNR in dB, of networks that are given latents.
        ssim: mean structural similarity, of both.
        upscaled: (PSNR in dB, SSIM) of networks that make larger pictures of pictures; where None,
            they are held to `translated` and `ssim`. With 44 dB of 8-bit weights they have an SSIM
            of 0.98 only: in skies and walls it compares grain that is fainter than what one sees.
    """

    translated: float
    generated: float
    ssim: float
    upscaled: tuple[float, float] | None = None

    def of(self, network):
        """The floors of an `ExportNetwork`: `{"psnr": dB, "ssim": at most 1}`."""
        if network.upscales and self.upscaled is not None:
            psnr, ssim = self.upscaled
            return {"psnr": psnr, "ssim": ssim}
        pictures = any(tensor.is_picture for tensor in network.inputs)
        return {"psnr": self.translated if pictures else self.generated, "ssim": self.ssim}


class Exporter(abc.ABC):
    """One deployment format. Everything that is special about it lives in its class.

    Attributes:
        name: what users type.
        title: how messages call it.
        aliases: other names it goes by.
        suffix: of its files; empty for a folder.
        runtime: the package that runs its files, as installed by pip.
        requires: `{package: extra of keras-gans that installs it}`.
        precisions: `{precision: Tolerance or Floor}`, those the format can be written in and what
            their files are held to.
        calibrated: the precisions whose ranges must be learned from inputs.
        layouts: of pictures, those the format can be written in.
        layout: the one this exporter writes.
        fixes_tiles: whether networks that upscale are written for tiles of one size, one at a
            time, which others leave free.
    """

    name: str
    title: str
    aliases: tuple[str, ...] = ()
    suffix: str
    runtime: str
    requires: dict[str, str] = {}

    # Pictures are in [-1, 1], so one grey level of 256 is 8e-3. Measured: at most 1.3e-6 of
    # networks given latents, 3.6e-5 of a trained CycleGAN, whose instance norms divide by little.
    precisions: dict[str, Tolerance | Floor] = {"float32": Tolerance(1e-4)}
    calibrated: tuple[str, ...] = ()
    layouts: tuple[str, ...] = ("NHWC",)
    layout: str = "NHWC"
    fixes_tiles: bool = False

    def in_layout(self, layout):
        """This format's exporter for one of `layouts`."""
        return self

    @abc.abstractmethod
    def write(self, network, path, precision, *, calibration=None, kept=()):
        """Writes the artefact and nothing else.

        Args:
            network: an `ExportNetwork`.
            path: of the file or folder; does not exist.
            precision: one of `precisions`.
            calibration: `{input name: array}`, inputs as the network will meet them, one example
                to each place of the first axis; None where `precision` needs none.
            kept: names, of `layers_to_keep`, of layers that stay in float32.

        Raises:
            UnsupportedOps: for operations the format does not have.
        """

    def layers_to_keep(self, network, precision, calibration):
        """Which layers to leave in float32, should the pictures be too poor.

        Returns:
            Iterator over tuples of names, each to be tried where the one before did not do: in
            the first one those only that stay in float32 whatever the pictures.
        """
        yield ()

    @abc.abstractmethod
    def inspect(self, path):
        """Looks into the artefact, whatever the converter said about it.

        Returns:
            `{"ops": {op: count}, "opset": int or None, "signature": str or None,
            "oldest_runtime": str}`, "order" where the artefact lists its tensors in one, and
            "signatures" where there are others, as the manifest has them.

        Raises:
            UnsupportedOps: for operations that must not ship.
        """

    @abc.abstractmethod
    def load(self, path):
        """Opens the artefact in the format's own runtime.

        Returns:
            `run({input name: array}) -> {output name: array}`; pictures are NHWC here, whatever
            the artefact's layout.
        """

    def prove_others(self, path, network, gallery):  # noqa: B027 - most have nothing else
        """Compares whatever else than the network itself the artefact offers.

        Args:
            path: of the artefact, whose network is proven.
            network: the `ExportNetwork` it was written from.
            gallery: a `keras_gans.export.parity.Probe` of what it will be fed with.

        Raises:
            ParityError: where it gives something else than it should.
        """

    def file_name(self, network, precision):
        """Name of a network's artefact inside an export folder."""
        mark = "" if precision == "float32" else f".{precision}"
        return f"{network}{mark}{self.suffix or '_' + self.name}"

    def runtime_version(self):
        """The runtime the artefact was proven in, as "package version"."""
        return f"{self.runtime} {importlib.metadata.version(self.runtime)}"

    def check_installed(self):
        """Refuses by name a package that is missing.

        Raises:
            ImportError: with the command that installs it.
        """
        for package, extra in self.requires.items():
            if importlib.util.find_spec(package) is None:
                raise ImportError(
                    f"{self.title} export needs `{package}`. Install it with "
                    f'`pip install "keras-gans[{extra}]"`.',
                    name=package,
                )

    def check_suffix(self, path):
        """Refuses a file name that promises something else.

        Raises:
            ValueError: with the name to use.
        """
        path = Path(path)
        if path.suffix != self.suffix:
            stem = path.stem if path.suffix in FILE_SUFFIXES else path.name
            raise ValueError(
                f"{self.title} files end in '{self.suffix}'. Received: {path.name!r}; "
                f"use '{stem}{self.suffix}', or another `format`."
            )

    def refuse_random(self, ops):
        """Refuses operations that draw random numbers.

        Raises:
            UnsupportedOps: naming them.
        """
        random = sorted(op for op in ops if _RANDOM.search(op))
        if random:
            raise UnsupportedOps(
                f"The network draws random numbers ({', '.join(random)}), which {self.title} files "
                "must not: make noise an input of the network that `networks_to_export` returns."
            )
