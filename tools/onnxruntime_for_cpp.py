"""Lays out ONNX Runtime for the C++ client, as an unpacked release has it, from package registries.

    python tools/onnxruntime_for_cpp.py FOLDER      (needs npm and the installed onnxruntime)

FOLDER/include gets the headers and FOLDER/lib the library; ONNXRUNTIME_ROOT=FOLDER builds with
them. The library is the one in the installed wheel of onnxruntime, which the exports are proved
with. The wheel has no headers: those come with the iOS framework in an npm package. They may be
older than the library, which serves the API of every release before it, but not newer.
"""

import argparse
import hashlib
import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

PACKAGE = "com.github.asus4.onnxruntime@0.4.9"
SHA256 = "e59788788818fdde1b2e522e766a21ba0f7d8391de55737abf81e32cc801785d"
HEADERS = "ios-arm64/onnxruntime.framework/Headers/"


def unpack_headers(folder):
    """Writes the package's headers into a folder."""
    with tempfile.TemporaryDirectory() as download:
        subprocess.run(["npm", "pack", PACKAGE], cwd=download, check=True, capture_output=True)
        (archive,) = pathlib.Path(download).iterdir()
        with open(archive, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != SHA256:
            sys.exit(f"{PACKAGE} is not what it was: its sha256 is {found}, not {SHA256}.")
        with tarfile.open(archive) as members:
            for member in members:
                if HEADERS in member.name and member.name.endswith(".h"):
                    content = members.extractfile(member).read()
                    (folder / pathlib.PurePosixPath(member.name).name).write_bytes(content)


def installed_library():
    """The shared library in the wheel, and the newest API it serves."""
    package = importlib.util.find_spec("onnxruntime")
    if package is None:
        sys.exit('onnxruntime is not installed: pip install -e ".[onnx]".')
    found = list(pathlib.Path(package.origin).parent.glob("capi/libonnxruntime.so.1.*"))
    if len(found) != 1:
        sys.exit(f"The wheel of onnxruntime has {len(found)} libonnxruntime.so.1.*, not one.")
    return found[0], int(found[0].name.split(".")[3])


def main(arguments=None):
    """Lays the folder out anew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args(arguments).folder.resolve()
    if not shutil.which("npm"):
        sys.exit("The headers come from an npm package, and there is no npm: apt-get install npm.")
    library, served = installed_library()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}.") as temporary:
        made = pathlib.Path(temporary) / folder.name
        for part in ("include", "lib"):
            (made / part).mkdir(parents=True)
        unpack_headers(made / "include")
        declared = (made / "include" / "onnxruntime_c_api.h").read_text(encoding="utf-8")
        wanted = int(re.search(r"#define ORT_API_VERSION (\d+)", declared)[1])
        if wanted > served:
            sys.exit(f"The headers are of API {wanted}, the library serves {served} at most.")
        shutil.copy(library, made / "lib" / "libonnxruntime.so.1")  # by the name programs ask for
        (made / "lib" / "libonnxruntime.so").symlink_to("libonnxruntime.so.1")
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
    print(f"{folder}: headers of API {wanted}, {library.name}")


if __name__ == "__main__":
    main()
