"""How a model is made and looked at: layouts, names, counts; what Keras asks of any model."""

import contextlib
import functools
import inspect

import keras

from keras_gans.core.mixin import Mixin
from keras_gans.core.naming import counted_anew
from keras_gans.utils.checks import check_like


class Making(Mixin):
    """What is the same for every model however its family makes it. Mixed into `GAN`."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            setattr(cls, "__init__", _made_alike(cls.__init__))  # noqa: B010

    def _is_made(self):
        """After the constructor: what could not be said before."""
        for name, network in self.networks.items():
            for variable in network.variables:
                if not variable.path.startswith(f"{name}/"):
                    # Layers of two networks have the same names; of a functional model's variables
                    # Keras knows no network.
                    variable._path = f"{name}/{variable.path}"
        self._frozen_when_made = self.frozen

    @property
    def frozen(self):
        """`{network: numbers of its layers that are frozen}`, of those that could learn."""
        found = {}
        for name in self._playing():
            layers = list(_layers(self.networks[name]))
            numbers = [n for n in self.able_to_learn(name) if not layers[n].trainable]
            if numbers:
                found[name] = numbers
        return found

    def able_to_learn(self, name):
        """Numbers of a network's layers that could learn, frozen or not, from its inputs on."""
        layers = enumerate(_layers(self.networks[name]))
        return [number for number, layer in layers if layer._trainable_variables]

    def freeze(self, frozen):
        """Freezes these layers, and thaws all others.

        Args:
            frozen: as the property says.

        Raises:
            ValueError: for layers the model does not have.
        """
        for name in frozen:
            if name not in self._playing():
                raise ValueError(f"`frozen` names {name!r}; there are {self._playing()}.")
        for name in self._playing():
            layers = list(_layers(self.networks[name]))
            numbers = frozen.get(name, ())
            if not all(0 <= number < len(layers) for number in numbers):
                raise ValueError(f"`frozen` is of another {name}: it has {len(layers)} layers.")
            for number, layer in enumerate(layers):
                if layer._trainable_variables:
                    layer.trainable = number not in numbers

    def _playing(self):
        return list(dict.fromkeys(name for names in self.players.values() for name in names))

    # === Looked at ===

    def count_params(self):
        """Parameters of all networks; averaged copies, image pools and counters are none."""
        return sum(
            network.count_params()
            for name, network in self.networks.items()
            if not name.endswith("_ema")
        )

    def summary(self, line_length=None, positions=None, print_fn=None, **kwargs):
        """`keras.Model.summary`, and what of its totals is no parameter of a network."""
        super().summary(line_length, positions, print_fn, **kwargs)
        size = sum(int(variable.value.shape.num_elements()) for variable in self.variables)
        state = size - self.count_params()
        say = print_fn or print
        say(
            f" Parameters of the networks: {self.count_params():,}. State that is counted above "
            f"and is none (averaged weights, image pools, counters): {state:,}."
        )

    # No property: Keras saves what a model's properties hold as well.
    def called_network(self):
        """The functional model that `model(x)` and `predict` call."""
        return self.networks[next(iter(self.signature()))]

    @property
    def inputs(self):
        """Of the network that `model(x)` calls."""
        return self.called_network().inputs

    @property
    def outputs(self):
        """Of the network that `model(x)` calls."""
        return self.called_network().outputs


def _layers(network):
    return network._flatten_layers(include_self=False)


def _made_alike(init):
    """A constructor that makes the same networks whatever Keras is set to or has made before."""
    signature = inspect.signature(init)

    @functools.wraps(init)
    def made(self, *args, **kwargs):
        _check_kinds(signature, self, args, kwargs)
        outermost = "_being_made" not in vars(self)
        layout = keras.config.image_data_format()
        object.__setattr__(self, "_being_made", True)
        keras.config.set_image_data_format("channels_last")
        try:
            # Equal models have equal names, by which `set_state_tree` finds variables.
            with counted_anew() if outermost else contextlib.nullcontext():
                init(self, *args, **kwargs)
        finally:
            keras.config.set_image_data_format(layout)
            if outermost:
                vars(self).pop("_being_made")
        if outermost:
            self._is_made()

    vars(made)["__signature__"] = signature  # Keras reads it without following `wraps`
    return made


#: Arguments that take values of several kinds, which `Conditions` checks.
_OF_SEVERAL_KINDS = ("num_classes",)


def _check_kinds(signature, model, args, kwargs):
    """Refuses arguments of another kind than their defaults, before a network is built of them."""
    for name, value in signature.bind(model, *args, **kwargs).arguments.items():
        if name not in _OF_SEVERAL_KINDS:
            check_like(name, value, signature.parameters[name].default)
