"""The games, each an overridden `train_step`, and the tricks that act in them."""
