"""The page's folder, what it computes with, and its server; without npm and without a browser."""

import base64
import contextlib
import hashlib
import http.client
import io
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import tarfile
import threading

import numpy as np
import pytest
from fabrication import fabricate
from PIL import Image

from keras_gans import export, web, zoo
from keras_gans.core.signature import inputs_from, label_map_of
from keras_gans.export.formats.onnx_format import OnnxExporter
from keras_gans.web import drawing, runtime

FAKE = {name: f"// not the real {name}\n".encode() for name in runtime.FILES}
# What the page knows how to feed, and to show.
KINDS = {"image", "mask", "latent", "label", "attributes", "psi", "styles"}


@pytest.fixture(scope="module", autouse=True)
def small_runtime(tmp_path_factory):
    """A small onnxruntime-web in place of the real one, in a folder as npm's."""
    folder = tmp_path_factory.mktemp("node_modules") / "onnxruntime-web" / "dist"
    folder.mkdir(parents=True)
    for name, data in FAKE.items():
        (folder / name).write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        files = {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in FAKE.items()}
        patch.setattr(runtime, "FILES", files)
        yield folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def translating():
    return zoo.get("pix2pix", **zoo.entry("pix2pix").tiny)


@pytest.fixture(scope="module")
def drawings(translating):
    """Batches to try the page on."""
    return [fabricate(translating, 64)]


@pytest.fixture(scope="module")
def made(translating, drawings, small_runtime, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "page"
    return folder, web.write(
        translating, folder, examples=drawings, runtime_path=small_runtime.parent
    )


@pytest.fixture
def page(made, tmp_path):
    """(folder, manifest) of a page of the test's own."""
    folder, manifest = made
    return shutil.copytree(folder, tmp_path / "page"), manifest


# === The folder ===


def test_the_folder_is_whole_and_described(page):
    folder, manifest = page
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert there == {"manifest.json", *manifest.hashes}
    assert {"index.html", "worker.mjs", "generator.onnx", "examples/generator-01.png"} <= there
    assert {f"ort/{name}" for name in FAKE} <= there
    assert export.Manifest.read(folder) == manifest
    manifest.verify(folder)
    (record,) = manifest.files
    assert record.inputs[0].shape == (1, 32, 32, 3)
    assert record.outputs[0].shape == (1, 32, 32, 3)


def test_examples_are_pictures_of_what_was_given(page, translating, drawings):
    folder, manifest = page
    given = inputs_from(drawings[0], translating)["generator"]["source"]
    paths = manifest.page["examples"]["generator"]
    read = np.stack([np.asarray(Image.open(folder / path)) for path in paths])
    assert len(read) == 12
    np.testing.assert_allclose(read / 127.5 - 1.0, given[:12], atol=1 / 127.5)
    look = manifest.files[0].inputs[0].about["drawing"]
    assert look == drawing.look(given)


def test_the_page_offers_every_precision(translating, drawings, small_runtime, tmp_path):
    manifest = web.write(
        translating,
        tmp_path / "page",
        precisions="all",
        examples=drawings,
        runtime_path=small_runtime,
    )
    assert {record.precision for record in manifest.files} == set(OnnxExporter().precisions)
    assert all("drawing" in record.inputs[0].about for record in manifest.files)


def test_another_picture_size(translating, small_runtime, tmp_path):
    manifest = web.write(
        translating, tmp_path / "page", runtime_path=small_runtime, image_size=(64, 32)
    )
    assert manifest.files[0].inputs[0].shape == (1, 64, 32, 3)
    assert "drawing" not in manifest.files[0].inputs[0].about
    assert manifest.page["examples"] == {}


def test_latent_models_have_a_page_with_their_names(conditional, small_runtime, tmp_path):
    manifest = web.write(
        conditional,
        tmp_path / "page",
        runtime_path=small_runtime,
        classes=[f"class {i}" for i in range(10)],
    )
    by_kind = {tensor.about["kind"]: tensor for tensor in manifest.files[0].inputs}
    assert by_kind["label"].about["classes"][3] == "class 3"
    assert by_kind["latent"].shape[0] == 1


@pytest.mark.parametrize("name", {zoo.entry(name).cls: name for name in zoo.names()}.values())
def test_the_page_can_feed_every_family_or_refuses_it(name, tmp_path):
    model = zoo.get(name, **zoo.entry(name).tiny)
    if label_map_of(model) is not None:
        with pytest.raises(ValueError, match="no brush of classes"):
            web.write(model, tmp_path / "page")
        assert not list(tmp_path.iterdir())
        return
    tensors = model.describe_tensors()
    assert {about["kind"] for about in tensors.values()} <= KINDS
    given = []
    for network, keras_model in model.networks_to_export().items():
        taken = {tensor.name for tensor in keras_model.inputs}
        assert taken <= set(tensors)
        (output,) = keras_model.output_names
        given.append(tensors[output]["kind"])
        assert given[-1] in ("image", "styles"), network
        if "styles" in {tensors[name]["kind"] for name in taken}:
            assert taken == {"styles"}, network
    assert "image" in given


def test_the_manifest_of_a_page_has_directions_of_styles(small_runtime, tmp_path):
    model = zoo.get("stylegan2", **zoo.entry("stylegan2").tiny)
    manifest = web.write(model, tmp_path / "page", runtime_path=small_runtime)
    mapping, synthesis = (
        record for record in manifest.files if record.network in ("mapping", "synthesis")
    )
    (psi,) = (tensor for tensor in mapping.inputs if tensor.about["kind"] == "psi")
    assert (psi.about["value_range"], psi.about["default"]) == ([0.0, 1.0], 1.0)
    (given,), (taken,) = mapping.outputs, synthesis.inputs
    assert given == taken and taken.shape == (1, model.places, model.style_dim)
    assert len(taken.about["directions"]) == len(taken.about["spread"]) == 8
    assert export.Manifest.read(tmp_path / "page") == manifest


def test_a_page_is_replaced_only_when_asked(page, translating, small_runtime):
    folder, _ = page
    with pytest.raises(FileExistsError, match="overwrite"):
        web.write(translating, folder, runtime_path=small_runtime)
    web.write(translating, folder, runtime_path=small_runtime, overwrite=True)
    assert not (folder / "examples").exists()


def test_files_a_person_put_into_the_folder_are_never_lost(page, translating, small_runtime):
    folder, _ = page
    (folder / "examples" / "mine.png").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"examples/mine\.png"):
        web.write(translating, folder, runtime_path=small_runtime, overwrite=True)
    with pytest.raises(FileExistsError, match=r"examples/mine\.png"):
        export.export(translating, folder, formats="onnx", overwrite=True)
    assert (folder / "examples" / "mine.png").read_bytes() == b"mine"


def test_nothing_appears_where_something_is_missing(translating, tmp_path):
    with pytest.raises(ValueError, match=r"does not hold the files of onnxruntime-web"):
        web.write(translating, tmp_path / "page", runtime_path=tmp_path / "nowhere")
    assert not (tmp_path / "page").exists()


def test_a_page_is_current_until_something_changes(translating, small_runtime, tmp_path):
    model_path, folder = tmp_path / "model.keras", tmp_path / "page"
    model_path.write_bytes(b"weights")
    assert not web.is_current(folder, model_path)
    web.write(translating, folder, runtime_path=small_runtime, made_of=model_path)
    assert web.is_current(folder, model_path)
    model_path.write_bytes(b"other weights")
    assert not web.is_current(folder, model_path)
    model_path.write_bytes(b"weights")
    with (folder / "generator.onnx").open("ab") as file:
        file.write(b"x")
    assert not web.is_current(folder, model_path)


def test_a_model_of_no_file_has_a_page_that_is_never_current(page, tmp_path):
    folder, manifest = page
    assert manifest.page["made_of"] is None
    (tmp_path / "model.keras").write_bytes(b"weights")
    assert not web.is_current(folder, tmp_path / "model.keras")
    assert not web.is_current(folder, None)


def test_a_manifest_whose_page_leads_out_is_refused(page):
    folder, _ = page
    content = json.loads((folder / "manifest.json").read_text())
    content["page"]["files"][0]["path"] = "../../secret"
    (folder / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="leads out of the export"):
        export.Manifest.read(folder)


# === What drawings look like ===


def lines(width, ground=1.0, ink=-1.0):
    pictures = np.full((2, 64, 64, 3), ground, "float32")
    pictures[0, 10 : 10 + width, 5:60] = ink
    pictures[1, 5:60, 30 : 30 + width] = ink
    return pictures


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize(("ground", "ink"), [(1.0, -1.0), (-1.0, 1.0)])
def test_lines_are_measured(width, ground, ink):
    look = drawing.look(lines(width, ground, ink))
    assert look == {
        "background": [ground] * 3,
        "stroke": [ink] * 3,
        "palette": [[ground] * 3, [ink] * 3],
        "width": width,
    }


def test_colours_are_the_pictures_own():
    pictures = np.ones((1, 48, 48, 3), "float32")
    pictures[0, 4:44, 4:44] = (1.0, 0.0, -1.0)  # more of it than of the paper
    pictures[0, 10:20, 10:20] = (-1.0, -1.0, -1.0)
    look = drawing.look(pictures)
    assert look["background"] == [1.0, 1.0, 1.0]
    assert look["stroke"] == [-1.0, -1.0, -1.0]
    assert look["palette"][0] == [1.0, 0.0, -1.0] and len(look["palette"]) == 3


@pytest.mark.parametrize("channels", [1, 3])
def test_an_empty_drawing_has_a_look_too(channels):
    look = drawing.look(np.zeros((1, 32, 32, channels), "float32"))
    assert look["background"] == [0.0] * channels
    assert look["stroke"] in ([-1.0] * channels, [1.0] * channels)


# === What computes ===


def tarball(path, files, prefix="package/dist/"):
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(prefix + name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """The small runtime as npm packs it."""
    path = tarball(tmp_path / "package.tgz", {**FAKE, "../../../escaped": b"no"})
    digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    monkeypatch.setattr(runtime, "_TARBALL_SHA512", digest)
    return path


def npm(folder, monkeypatch, script):
    """Puts an `npm` of ours, and nothing else, on the path."""
    folder.mkdir()
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")


def test_a_tarball_is_unpacked_into_the_cache(packed, tmp_path):
    folder = runtime.find(packed)
    assert folder.is_relative_to(tmp_path / "cache")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FAKE
    assert not list(tmp_path.rglob("escaped"))
    assert runtime.find() == folder  # and found again, without npm


def test_another_tarball_is_refused(packed, tmp_path):
    with packed.open("ab") as file:
        file.write(b"x")
    with pytest.raises(ValueError, match="is not onnxruntime-web .*npm pack"):
        runtime.find(packed)
    assert not (tmp_path / "cache").exists()


def test_a_changed_file_is_refused(small_runtime, tmp_path):
    folder = shutil.copytree(small_runtime, tmp_path / "dist")
    (folder / "ort.wasm.min.mjs").write_bytes(FAKE["ort.wasm.min.mjs"].upper())
    with pytest.raises(ValueError, match=r"ort\.wasm\.min\.mjs is another file"):
        runtime.find(folder)


def test_npm_fetches_once_and_a_damaged_cache_again(packed, tmp_path, monkeypatch):
    script = f'echo "$@" >> {tmp_path}/calls; cp {packed} "$(echo "$@" | sed "s/.* //")/x.tgz"'
    npm(tmp_path / "bin", monkeypatch, script)
    folder = runtime.find()
    assert runtime.find() == folder
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == 1 and f"onnxruntime-web@{runtime.VERSION}" in calls[0]
    (folder / "ort.webgpu.min.mjs").unlink()
    assert runtime.find() == folder
    assert (folder / "ort.webgpu.min.mjs").is_file()


def test_without_npm_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="npm.*not installed.*npm pack .*--runtime"):
        runtime.find()


def test_what_npm_complains_of_is_passed_on(tmp_path, monkeypatch):
    npm(tmp_path / "bin", monkeypatch, "echo no such host >&2; exit 1")
    with pytest.raises(RuntimeError, match="it said: no such host.*--runtime"):
        runtime.find()


# === The server ===


@contextlib.contextmanager
def serving(folder):
    with web.server(folder, port=0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def fetch(server, path, method="GET", headers=None):
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=10)
    connection.request(method, path, headers=headers or {})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_only_this_machine_can_reach_it_unless_told_otherwise(page):
    with serving(page[0]) as server:
        assert server.server_address[0] == "127.0.0.1"
        assert web.address(server) == f"http://127.0.0.1:{server.server_address[1]}/"


def test_every_file_comes_with_its_type_and_the_headers(page):
    folder, manifest = page
    types = {".mjs": "text/javascript", ".wasm": "application/wasm", ".html": "text/html"}
    with serving(folder) as server:
        for name in ("", "manifest.json", *manifest.hashes):
            response, body = fetch(server, f"/{name}?query")
            assert response.status == 200
            assert body == (folder / (name or "index.html")).read_bytes()
            suffix = "." + (name or "index.html").rsplit(".")[-1]
            assert response.headers["Content-Type"].startswith(types.get(suffix, ""))
            policy = response.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; ")
            assert "frame-ancestors 'none'" in policy
            assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert response.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
        response, body = fetch(server, "/", "HEAD")
        assert response.status == 200 and body == b""


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/ort/../../secret.txt",
        "/..%2fsecret.txt",
        "//secret.txt",
        "/secret.txt",
        "/ort/",
        "/ort",
        "/.",
        "/%00",
    ],
)
def test_nothing_else_can_be_had(page, tmp_path, path):
    folder, _ = page
    for place in (tmp_path, folder):
        (place / "secret.txt").write_text("secret")
    with serving(folder) as server:
        response, body = fetch(server, path)
        assert response.status == 404
        assert b"secret" not in body
        assert fetch(server, "/", "POST")[0].status == 501


def test_a_taken_port_is_named(page):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port}: .*--port"):
            web.server(page[0], port=port)


def test_an_export_without_a_page_is_not_served(page):
    content = json.loads((page[0] / "manifest.json").read_text())
    del content["page"]
    (page[0] / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="without a page"):
        web.server(page[0], port=0)


def test_a_page_is_served_as_it_was_when_it_began(page, tmp_path):
    folder, manifest = page
    before = (folder / "generator.onnx").read_bytes()
    with serving(folder) as server:
        (folder / "generator.onnx").unlink()
        (folder / "generator.onnx").symlink_to("/etc/passwd")
        (folder / "index.html").write_text("<script>other</script>")
        assert fetch(server, "/generator.onnx")[1] == before
        response, body = fetch(server, "/")
        assert b"<script>other" not in body
        tag = response.headers["ETag"]
        response, body = fetch(server, "/", headers={"If-None-Match": tag})
        assert response.status == 304 and body == b""


def change_file(folder, name, make):
    (folder / name).unlink()
    make(folder / name)


def put_fifo(path):
    os.mkfifo(path)


def put_link(path):
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("name", ["generator.onnx", "style.css", "manifest.json"])
@pytest.mark.parametrize("make", [put_fifo, put_link, lambda path: path.write_text("other")])
def test_a_file_that_is_another_is_not_served(page, name, make):
    folder, _ = page
    change_file(folder, name, make)
    with pytest.raises((ValueError, OSError)):
        web.server(folder, port=0)


def test_a_program_of_somebody_else_s_is_not_served_as_the_page(page, tmp_path):
    folder, manifest = page
    content = json.loads((folder / "manifest.json").read_text())
    (folder / "index.html").write_text("<script>mine</script>")
    for file in content["page"]["files"]:
        if file["path"] == "index.html":
            sha256, size = export.manifest.fingerprint(folder / "index.html")
            file.update(sha256=sha256, size=size)
    (folder / "manifest.json").write_text(json.dumps(content))
    export.Manifest.read(folder).verify(folder)
    with pytest.raises(ValueError, match="index.html is missing, or another file"):
        web.server(folder, port=0)
    (tmp_path / "model.keras").write_bytes(b"")
    assert not web.is_current(folder, tmp_path / "model.keras")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200), ("localhost:80", 200), ("LOCALHOST", 200), ("[::1]:8000", 200),
        ("evil.example", 421), ("evil.example:8000", 421), ("127.0.0.1.evil.example", 421),
        ("", 421), ("[", 421), ("localhost@evil.example", 421),
    ],
)  # fmt: skip
def test_only_the_server_s_own_names_are_answered(page, host, status):
    """A page of evil.example that makes its name point to this machine could read the model."""
    with serving(page[0]) as server:
        assert fetch(server, "/manifest.json", headers={"Host": host})[0].status == status


def test_no_name_is_every_machine_s(page):
    with pytest.raises(ValueError, match="`host` is empty.*127.0.0.1"):
        web.server(page[0], host="", port=0)


def test_broken_connections_say_nothing_and_end(page, capfd, monkeypatch):
    monkeypatch.setattr(web.serving._Handler, "timeout", 0.2)
    with serving(page[0]) as server:
        place = server.server_address[:2]
        with socket.create_connection(place) as reset:
            reset.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        with socket.create_connection(place) as odd:
            odd.sendall(b"GET http://[bad/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert odd.recv(100).startswith(b"HTTP/1.1 400")
        with socket.create_connection(place, timeout=10) as half:
            half.sendall(b"GET / HT")
            assert half.recv(100) == b""  # it was not waited for
        assert fetch(server, "/")[0].status == 200
    assert capfd.readouterr() == ("", "")


# === The page ===


def sources():
    folder = web.serving._PAGE
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_the_page_allows_only_itself():
    policy = web.serving.policy()
    allowed = set(re.findall(r"'[^']*'|[a-z]+:|\*", policy))
    assert allowed == {"'none'", "'self'", "'wasm-unsafe-eval'"}
    html = sources()["index.html"]
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=", html)


def test_the_page_names_no_other_host():
    for name, text in sources().items():
        hosts = set(re.findall(r"https?://[^\s\"'`)]+", text))
        assert hosts <= {"http://www.w3.org/2000/svg"}, name


def test_every_control_is_named_and_known():
    pages = sources()
    html = pages["index.html"]
    ids = set(re.findall(r'\sid="([^"]+)"', html))
    for name, text in pages.items():
        if name.endswith(".mjs"):
            used = set(re.findall(r'\belement\("([a-z][\w-]*)"\)', text))
            assert used <= ids, name
    for canvas in re.findall(r"<canvas[^>]*>", html):
        assert "aria-label" in canvas or "aria-hidden" in canvas


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("generator.onnx", True),
        ("ort/ort.wasm.min.mjs", True),
        ("../x.onnx", False),
        ("ort/../../x.onnx", False),
        ("%2e%2e/x.onnx", False),
        (".%2E/x.onnx", False),
        ("..%2fx.onnx", False),
        ("..%5Cx.onnx", False),
        ("..\\x.onnx", False),
        ("/etc/x.onnx", False),
        ("//evil.example/x.onnx", False),
        ("\t//evil.example/x.onnx", False),
        ("https://evil.example/x.onnx", False),
        ("data:,x", False),
    ],
)
def test_the_page_fetches_nothing_outside_its_folder(path, inside):
    script = """
    const asked = [];
    globalThis.fetch = async (address) => { asked.push(String(address)); return { ok: false }; };
    const { verified } = await import(process.argv[1]);
    const said = await verified({ path: process.argv[2], sha256: "", size: 1 }).catch(String);
    console.log(JSON.stringify({ asked, said }));
    """
    module = web.serving._PAGE / "files.mjs"
    command = ["node", "--input-type=module", "-e", script, module.as_uri(), path]
    done = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    folder = f"{web.serving._PAGE.as_uri()}/"
    assert done["asked"] == ([folder + path] if inside else [])
    assert ("outside the folder" in done["said"]) != inside


LATENT = {"name": "z", "dtype": "float32", "shape": [1, 8], "kind": "latent",
          "mean": 0, "stddev": 1}  # fmt: skip
LABEL = {"name": "y", "dtype": "int32", "shape": [1, 1], "kind": "label", "value_range": [0, 9]}
PICTURE = {"name": "x", "dtype": "float32", "shape": [1, 8, 8, 3], "kind": "image",
           "layout": "NHWC", "value_range": [-1, 1]}  # fmt: skip


def network(inputs=(LATENT, LABEL), outputs=(PICTURE,), **changes):
    return {"path": "g.onnx", "format": "onnx", "inputs": inputs, "outputs": outputs, **changes}


PSI = {"name": "psi", "dtype": "float32", "shape": [1, 1], "kind": "psi",
       "value_range": [0, 1], "default": 1}  # fmt: skip
STYLES = {"name": "styles", "dtype": "float32", "shape": [1, 4, 2], "kind": "styles",
          "directions": [[1, 0], [0, 1]], "spread": [0.5, 2]}  # fmt: skip


def chain(styles=STYLES, psi=PSI, **changes):
    """Two networks, from a latent to an image by way of styles."""
    return [
        network([LATENT, psi], [styles], network="mapping", path="mapping.onnx", **changes),
        network([styles], network="synthesis", path="synthesis.onnx", **changes),
    ]


def read_by_the_page(manifests):
    """For each manifest what can be chosen, [[network, precision, paths]], or its refusal."""
    script = """
    const said = [];
    const { readManifest, Problem } = await import(process.argv[1]);
    for (const files of JSON.parse(process.argv[2])) {
      const about = { format: "keras_gans.export", format_version: 1, page: { files: [] } };
      globalThis.fetch = async () => ({ ok: true, json: async () => ({ ...about, files }) });
      said.push(await readManifest().then(
        ({ choices }) => choices.map((one) => (
          [one.network, one.precision, one.files.map(({ path }) => path)])),
        (error) => (error instanceof Problem ? "refused" : String(error))));
    }
    console.log(JSON.stringify(said));
    """
    module = web.serving._PAGE / "files.mjs"
    command = ["node", "--input-type=module", "-e", script, module.as_uri(), json.dumps(manifests)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_networks_are_chosen_by_their_roles():
    whole = network(network="generator", precision="float32")
    full, half = chain(precision="float32"), chain(precision="float16")
    named = [["generator", "float32", ["mapping.onnx", "synthesis.onnx"]]]
    other = {**STYLES, "shape": [1, 5, 2]}
    said = read_by_the_page([
        [whole],
        [whole, *full],
        full[::-1],
        [whole, full[0]],
        [whole, full[1]],
        [whole, full[0], chain(other)[1]],
        [whole, *full, *half],
        [full[0], half[1]],
        full[:1],
        full[1:],
    ])  # fmt: skip
    alone = [["generator", "float32", ["g.onnx"]]]
    assert said == [
        alone, named, [["synthesis", *named[0][1:]]], alone, alone, alone,
        [*named, ["generator", "float16", named[0][2]]],
        [["synthesis", "float16", named[0][2]]],
        "refused", "refused",
    ]  # fmt: skip


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_a_mask_comes_with_its_picture():
    source = {**PICTURE, "name": "source"}
    mask = {"name": "mask", "dtype": "float32", "shape": [1, 64, 64, 1], "kind": "mask"}
    said = read_by_the_page([
        [network([source, mask], network="generator", precision="float32")],
        [network([mask], network="generator", precision="float32")],
        [network([source, {**mask, "shape": [1, 64, 64, 3]}])],
    ])  # fmt: skip
    assert said == [[["generator", "float32", ["g.onnx"]]], "refused", "refused"]


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_networks_that_would_freeze_the_page_are_refused():
    sound = [network(), network(inputs=[{**PICTURE, "shape": [1, None, None, 3]}])]
    unsound = [
        network(inputs=[LATENT, {**LABEL, "value_range": [0, 10**6]}]),
        network(inputs=[LATENT, {**LABEL, "value_range": [0, "9"]}]),
        network(inputs=[LATENT, {**LABEL, "value_range": None}]),
        network(inputs=[LATENT, {**LABEL, "classes": 5}]),
        network(inputs=[{**LATENT, "shape": [1, 10**9]}]),
        network(inputs=[{**LATENT, "shape": [1, -1]}]),
        network(inputs=[{**LATENT, "shape": None}]),
        network(inputs=[{**LATENT, "mean": None}]),
        network(inputs=[LATENT, {**LABEL, "kind": "attributes", "shape": [1, 10**7]}]),
        network(inputs=[LABEL]),
        network(inputs=None), network(inputs=[]), network(inputs=[None]), network(outputs=None),
        network(outputs=[{**PICTURE, "shape": [1, 10**6, 8, 3]}]),
        network(outputs=[{**PICTURE, "value_range": []}]),
    ]  # fmt: skip
    said = read_by_the_page([[one] for one in (*sound, *unsound)])
    assert all(isinstance(one, list) for one in said[: len(sound)])
    assert said[len(sound) :] == ["refused"] * len(unsound)


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
@pytest.mark.parametrize(
    "styles",
    [
        {"shape": [1, 10**4, 10**4]},
        {"shape": [1, 8]},
        {"directions": [[1, 0, 0], [0, 1, 0]]},
        {"directions": [[1, "0"], [0, 1]]},
        {"directions": [[1, 0]] * 65, "spread": [1] * 65},
        {"directions": 3},
        {"spread": [1]},
        {"spread": None},
    ],
)
def test_styles_that_the_page_cannot_show_are_refused(styles):
    assert read_by_the_page([chain({**STYLES, **styles})]) == ["refused"]


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
@pytest.mark.parametrize("psi", [{"shape": [1, 2]}, {"default": None}, {"value_range": [1, 0]}])
def test_a_psi_that_the_page_cannot_show_is_refused(psi):
    assert read_by_the_page([chain(psi={**PSI, **psi})]) == ["refused"]


def test_the_pages_files_import_each_other_only():
    pages = sources()
    for name, text in pages.items():
        for imported in re.findall(r'from "([^"]+)"', text):
            assert imported.removeprefix("./") in pages, name
