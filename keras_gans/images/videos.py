"""Videos: frames out of files and into MP4, by ffmpeg as imageio-ffmpeg brings it."""

import contextlib
import dataclasses
import fractions
import re
import subprocess

import numpy as np

from keras_gans.data.decode import UnreadableError

#: Of files that are taken for videos.
SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"})
# A file may name others, as playlists do; these are the only ones ffmpeg opens.
_LOCAL = ["-protocol_whitelist", "file"]
#: Codecs of sound that MP4 takes as it is; all others become AAC.
_SOUNDS = ("aac", "mp3")


@dataclasses.dataclass(frozen=True)
class Video:
    """What a video says of itself.

    Attributes:
        size: (width, height) of its frames.
        frames: how many there are, about.
        rate: frames per second.
        sound: codec of its first track of sound; None without one.
    """

    size: tuple[int, int]
    frames: int
    rate: fractions.Fraction
    sound: str | None


def ffmpeg():
    """The module imageio_ffmpeg.

    Raises:
        ImportError: if it is not installed.
    """
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise ImportError(
            'MP4 needs imageio-ffmpeg: pip install "keras-gans[video]"; or write .gif or .webp.'
        ) from error
    return imageio_ffmpeg


def look(path):
    """What a file says of itself, a `Video`.

    Raises:
        UnreadableError: if ffmpeg finds no video in it, or imageio-ffmpeg is not installed.
    """
    try:
        module = ffmpeg()
    except ImportError as error:
        raise UnreadableError(
            'videos need imageio-ffmpeg: pip install "keras-gans[video]"'
        ) from error
    about: dict = {}
    with contextlib.suppress(OSError, RuntimeError, ValueError, KeyError, IndexError):
        # What its parser raises on a file that is no video; then it says nothing of it.
        reader = module.read_frames(str(path), input_params=_LOCAL)
        about = next(reader)
        reader.close()
    rate = _exact(about.get("fps", 0))
    if not rate or not all(about.get("size", ())):
        raise UnreadableError("ffmpeg finds no video in it")
    frames = max(1, round(about.get("duration", 0) * rate))
    return Video(tuple(about["size"]), frames, rate, about.get("audio_codec"))


def rate_varies(path):
    """Whether some frames of a video are shown for clearly longer than others.

    Such a video is read, and written, at one rate: frames are repeated or left out. All of it is
    decoded once.

    Args:
        path: of the file.
    """
    command = [ffmpeg().get_ffmpeg_exe(), "-nostdin", *_LOCAL, "-i", str(path)]
    command += ["-map", "0:v:0", "-vf", "vfrdet", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, check=False).stderr.decode(errors="replace")
    steps = re.search(r"VFR:.* min: (\d+) max: (\d+) avg:", said)
    if steps is None:
        return False
    shortest, longest = map(int, steps.groups())
    return longest > 1.1 * shortest + 1  # times are whole numbers, such as of milliseconds


def _exact(rate):
    """Frames per second, of which ffmpeg prints two decimals: 29.97 is 30000/1001."""
    broadcast = fractions.Fraction(round(rate) * 1000, 1001)
    if abs(broadcast - fractions.Fraction(rate)) < 0.006:
        return broadcast
    return fractions.Fraction(rate).limit_denominator(1000)


def frames(path, video):
    """Yields the frames of a video, uint8 (H, W, 3).

    Raises:
        UnreadableError: if the file ends within a frame.
    """
    reader = ffmpeg().read_frames(str(path), input_params=_LOCAL)
    width, height = video.size
    try:
        next(reader)  # what it says of itself
        for frame in reader:
            yield np.frombuffer(frame, np.uint8).reshape(height, width, 3)
    except RuntimeError as error:
        raise UnreadableError(str(error)) from error
    finally:
        reader.close()


@contextlib.contextmanager
def writing(path, size, rate, quality=5, source=None, sound=None):
    """Writes an MP4: yields a function that takes the next frame, uint8 (H, W, 3).

    The usual colour format of MP4 has half as many samples of colour: a side of odd length is
    continued by one pixel.

    Args:
        path: of the file.
        size: (width, height) of the frames.
        rate: frames per second.
        quality: from 1 to 10 for the best.
        source: a video whose first track of sound is taken over.
        sound: its codec; None for no sound.

    Raises:
        OSError: if ffmpeg could not write all frames.
    """
    width, height = size
    even = (width + width % 2, height + height % 2)
    # The format is told by the suffix, which an unfinished file's name has not.
    options = {"fps": rate, "macro_block_size": 2, "output_params": ["-f", "mp4"]}
    if sound is not None:
        options |= {"audio_path": str(source), "audio_codec": "copy" if sound in _SOUNDS else "aac"}
    written = 0
    writer = ffmpeg().write_frames(str(path), even, quality=quality, **options)

    def write(frame):
        nonlocal written
        sides = ((0, height % 2), (0, width % 2), (0, 0))
        writer.send(np.ascontiguousarray(np.pad(frame, sides, mode="edge")))
        written += 1

    try:
        writer.send(None)
        yield write
    except OSError as error:
        raise OSError(_COMPLAINT) from error
    finally:
        writer.close()
    if not path.exists() or ffmpeg().count_frames_and_secs(str(path))[0] != written:
        raise OSError(_COMPLAINT)


_COMPLAINT = (
    "ffmpeg could not write the whole video: the disk may be full. Make room, or choose another "
    "place."
)
