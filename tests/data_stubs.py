"""Models that only describe their batch: all that the data room knows of one."""

from keras_gans.core.conditioning import Conditions
from keras_gans.core.signature import Image, Labels


class Model:
    """All the data room knows of a model."""

    def batch_spec(self, batch_size=None):
        specs = tuple(role.spec(batch_size, name) for name, role in self.batch_roles().items())
        return specs if len(specs) > 1 else specs[0]

    def __init__(
        self,
        size=8,
        channels=1,
        num_classes=None,
        *,
        num_attributes=0,
        batch_size=4,
        discriminator_steps=1,
    ):
        self.shape = (*size, channels) if isinstance(size, tuple) else (size, size, channels)
        self.batch_size, self.discriminator_steps = batch_size, discriminator_steps
        self.num_classes, self.num_attributes = num_classes, num_attributes

    @property
    def conditions(self):
        return Conditions(self.num_classes, self.num_attributes)

    def batch_roles(self):
        labels = {"labels": Labels(self.conditions)} if self.conditions else {}
        return {"image": Image(*self.shape), **labels}


class Translator(Model):
    """All the data room knows of a model that translates."""

    def __init__(self, domains, size=8, channels=(1, 1), *, batch_size=1):
        super().__init__(size, batch_size=batch_size)
        self.domains, self.channels = domains, channels

    def batch_roles(self):
        return {
            name: Image(*self.shape[:2], channels, domain=name if self.domains else None)
            for name, channels in zip("ab", self.channels, strict=True)
        }
