"""Sampling: the part of `AdversarialGAN` that draws latents and makes pictures of them."""

from keras_gans import latent
from keras_gans.core.mixin import Mixin
from keras_gans.utils.checks import check_positive


class LatentSampling(Mixin):
    """Draws latents and generates pictures from them. Mixed into `AdversarialGAN`."""

    def draw_labels(self, count, seed):
        """Labels to generate from, a list of one tensor for each input; None without labels."""
        return None

    def draw_latents(self, count, seed=None, truncation=None):
        """Latents of the game, float32 (count, latent_dim); equal for equal seeds.

        Raises:
            ValueError: for a `truncation` as `keras_gans.latent.draw` refuses it.
        """
        kind = self.tricks.latent_distribution
        return latent.draw(count, self.latent_dim, seed, kind, truncation)

    def from_latents(self, latents, truncation=None, **asked):
        """Pictures of latents that `draw_latents` drew with this truncation.

        Args:
            latents: (N, latent_dim).
            truncation: as `draw_latents` was given it.
            **asked: `labels` and `attributes`, as of `sample`.
        """
        return self.sample(latents=latents, **asked)

    def _given_or_drawn(self, latents, count, seed, truncation):
        """The latents `sample` was given, or as many as it shall draw, 16 where nothing says."""
        if count is not None:
            check_positive("count", count)
        if latents is None:
            return self.draw_latents(16 if count is None else count, seed, truncation)
        if count not in (None, len(latents)):
            raise ValueError(
                f"`count` and `latents` must agree on how many pictures to sample. Received: "
                f"{count} and {len(latents)}."
            )
        if truncation is not None:
            raise ValueError(
                "`truncation` is of latents that are drawn, and `latents` are given. Leave one out."
            )
        return latents

    def sample(self, count=None, *, seed=None, latents=None, truncation=None):
        """Generated pictures.

        Args:
            count: how many; 16, or as many as there are latents, where not given.
            seed: for the latents; another draw each call where not given.
            latents: (N, latent_dim) to use instead of drawing.
            truncation: draw latents' numbers beyond this again, see `keras_gans.latent.draw`.

        Returns:
            float32 (N, height, width, channels) in [-1, 1].

        Raises:
            ValueError: for a count below 1 or other than of the latents; for a truncation below
                0.1, of uniform or of given latents.
        """
        latents = self._given_or_drawn(latents, count, seed, truncation)
        self.refresh()
        return self.in_chunks(self.sampling_network, latents)

    def generate(self, **inputs):
        return self.sample(**inputs)

    def encode(self, images):
        """Latents of pictures, in families that have an encoder.

        Raises:
            TypeError: of all other families.
        """
        raise TypeError(
            f"{self.name} has no encoder: it makes pictures of latents, and not the reverse. bigan "
            "has one; `project` of stylegan2 searches for a picture's latents."
        )

    def call(self, inputs, training=False):
        return self.sampling_network(inputs, training=training)
