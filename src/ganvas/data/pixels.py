"""What is done to pixels after reading: C×H×W arrays of uint8, uint16 or float32 in, the same out."""

import numpy as np
from PIL import Image

WHITE = {"uint8": 255, "uint16": 65535, "float32": 1}  # the value that means full brightness; black is 0


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """C×H×W to C×`size` (height, width): the largest centred crop of that aspect ratio, scaled with antialiasing.

    A Lanczos window that widens with the reduction. The type is kept, 16 bit and float are computed in float32, and no
    value leaves the range between the image's own darkest and brightest.
    """
    (channels, h, w), (height, width) = image.shape, size
    if (h, w) == (height, width):
        return image
    scale = min(h / height, w / width)
    left, top = max(0.0, (w - width * scale) / 2), max(0.0, (h - height * scale) / 2)
    box = (left, top, w - left, h - top)
    if image.dtype == np.uint8 and channels <= 4:  # Pillow weighs the colours of 2 and 4 channels by their opacity
        picture = Image.fromarray(np.ascontiguousarray(np.moveaxis(image, 0, -1)).squeeze(-1 if channels == 1 else ()))
        scaled = np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS, box))
        return np.ascontiguousarray(np.moveaxis(scaled.reshape(height, width, channels), -1, 0))
    planes = [Image.fromarray(plane.astype(np.float32)) for plane in image]
    scaled = np.stack([np.asarray(p.resize((width, height), Image.Resampling.LANCZOS, box)) for p in planes])
    scaled = np.clip(scaled, image.min(), image.max())
    return (np.rint(scaled) if image.dtype.kind == "u" else scaled).astype(image.dtype)


def with_depth(image: np.ndarray, dtype: np.dtype | type) -> np.ndarray:
    """The same brightness in another type: black stays black and white becomes the new type's white."""
    old, new = WHITE[image.dtype.name], WHITE[np.dtype(dtype).name]
    if image.dtype == dtype:
        return image
    if new == 1:
        return image.astype(np.float32) / np.float32(old)
    if (old, new) == (255, 65535):
        return image.astype(np.uint16) * np.uint16(257)
    return np.rint(np.clip(image, 0, old) * (new / old)).astype(dtype)


def with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """The same picture as grey (1), grey + opacity (2), colour (3) or colour + opacity (4); else raises `ValueError`.

    Colour becomes grey as 0.299 R + 0.587 G + 0.114 B (ITU-R 601, as in Pillow); what had no opacity is opaque; opacity
    is never dropped, because what lies behind it is unknown here.
    """
    have = len(image)
    if have == channels:
        return image
    if max(have, channels) > 4 or (have in (2, 4) and channels in (1, 3)):
        raise ValueError(f"{have} channels do not become {channels}")
    colour, rest = (image[:1], image[1:]) if have < 3 else (image[:3], image[3:])
    if have < 3 <= channels:
        colour = np.repeat(colour, 3, axis=0)
    elif channels < 3 <= have:
        grey = np.tensordot(np.array([0.299, 0.587, 0.114]), colour.astype(np.float64), 1)[None]
        colour = (np.rint(grey) if image.dtype.kind == "u" else grey).astype(image.dtype)
    if channels in (2, 4) and not len(rest):
        rest = np.full((1, *image.shape[1:]), WHITE[image.dtype.name], image.dtype)
    return np.concatenate([colour, rest])


def is_grey(image: np.ndarray) -> bool:
    """Whether three channels say the same everywhere."""
    return len(image) == 3 and bool((image[0] == image[1]).all() and (image[0] == image[2]).all())
