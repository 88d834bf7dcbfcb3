"""The flow between two frames where nobody knows it, estimated by OpenCV."""

import numpy as np

_ENLARGED = 2  # small frames have too few pixels for the method's windows
_SMALL = 256  # pixels of the shorter side, below which frames are enlarged
_UNLIKE = 0.02  # largest sum over channels of squared differences, pictures in [-1, 1]


def estimate(previous, current):
    """Estimates where each pixel of a frame was in the frame before.

    `Warp()([previous, flow])` approximates `current` where the flow is sure. The method is DIS
    (Kroeger et al., 2016, https://arxiv.org/abs/1603.03590); the paper of vid2vid uses FlowNet2.

    Args:
        previous: uint8 (H, W, 3).
        current: uint8 (H, W, 3), the frame after it.

    Returns:
        float32 (H, W, 3): across and down in pixels, then 1 where the previous frame, moved, is
        like the current one (squared differences that sum to less than 0.02, of values in
        [-1, 1]), else 0.

    Raises:
        ImportError: if OpenCV is not installed.
        ValueError: for frames of another dtype, or of two shapes.
    """
    for frame in (previous, current):
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape != previous.shape:
            raise ValueError(
                "Frames must be two arrays uint8 (H, W, 3) of one shape. Received: "
                f"{previous.dtype} {previous.shape} and {current.dtype} {current.shape}."
            )
    cv2 = _opencv()
    height, width = current.shape[:2]
    scale = _ENLARGED if min(height, width) < _SMALL else 1
    size = (width * scale, height * scale)
    grey = [
        cv2.resize(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_CUBIC)
        for f in (current, previous)
    ]
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = method.calc(*grey, None)
    flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA) / scale
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    places = np.stack([columns, rows], axis=-1).astype("float32") + flow
    moved = cv2.remap(
        previous.astype("float32"), places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    unlike = np.square((moved - current) / 127.5).sum(-1, keepdims=True)
    return np.concatenate([flow, unlike < _UNLIKE], axis=-1).astype("float32")


def _opencv():
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            'Estimating flow needs OpenCV: pip install "keras-gans[flow]".'
        ) from error
    return cv2
