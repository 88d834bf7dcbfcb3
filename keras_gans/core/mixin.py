"""What the parts of `GAN` have in common, for the type checker."""

from typing import Any

#: Base of the classes that are mixed into `GAN`: what they use of each other and of `keras.Model`
#: is there in the whole, which no type of theirs alone says.
Mixin: Any = object
