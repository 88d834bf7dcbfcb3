// The page: looks what the manifest holds, shows the panels for it, and keeps the answer up to date.

import { Drawing } from "./drawing.mjs";
import { Engine } from "./engine.mjs";
import { Problem, readManifest, verified } from "./files.mjs";
import { HOLE, Holes, painted } from "./holes.mjs";
import { Labels } from "./labels.mjs";
import { Latents } from "./latents.mjs";
import { fromPixels, sidesOf, tensor, toColour, toPixels } from "./tensors.mjs";
import { Upscaling, upscales } from "./upscaling.mjs";

const element = (id) => document.getElementById(id);

let manifest;
let engine;
let record = null; // the choice that answers, see `choicesOf` in files.mjs
let shown = null; // network whose panel is shown
let picture; // the answer, an ImageData
let wanted = false; // another answer than the one that is shown or computed
let working = null; // a promise while answers are computed
let loading = Promise.resolve(); // the loads so far, one after the other
let newest = 0; // number of the load that was asked for last

const drawing = new Drawing(element("drawing"), element("cursor"), {
  onChange: () => { element("undo").disabled = !drawing.undoable; ask(); },
  onKey: (key) => press({ p: "pencil", e: "eraser", u: "undo", c: "clear", x: "example", d: "download" }, key),
  say,
});
const holes = new Holes(element("beneath"));
const labels = new Labels(ask);
const latents = new Latents(labels, ask, say);
const upscaling = new Upscaling(element, { onChange: ask, say });

begin().catch(fail);

async function begin() {
  checkBrowser();
  manifest = await readManifest();
  const name = manifest.page.title ?? manifest.model.name;
  document.title = name;
  element("title").textContent = name;
  element("device-row").hidden = !navigator.gpu;
  engine = new Engine(manifest.page.files, (share) => { element("progress").value = share; });
  offer("network", [...new Set(manifest.choices.map(({ network }) => network))], direction);
  offerPrecisions();
  wire();
  await show();
}

function checkBrowser() {
  if (typeof WebAssembly !== "object") {
    throw new Problem("WebAssembly is off or missing in this browser, and the page computes with it.",
      "Turn it on (browsers switch it off in lockdown and strict security modes), or use another "
      + "browser: any Chrome, Edge, Firefox or Safari since 2022.");
  }
  if (!globalThis.crypto?.subtle) {
    throw new Problem(
      `The page checks every file before it uses it, for which browsers demand a secure address; ${location.origin} is none.`,
      "Serve the folder over https, or open it as localhost: on the machine that serves it, or through "
      + `a tunnel, “ssh -L ${location.port || 80}:localhost:${location.port || 80} ${location.hostname}”.`);
  }
}

// === Choosing a network ===

function direction(name) {
  const [, from, to] = /_([a-z])([a-z])$/.exec(name) ?? [];
  return from ? `${from.toUpperCase()} → ${to.toUpperCase()}` : name;
}

function offer(id, names, words = (name) => name) {
  const select = element(id);
  const before = select.value;
  select.replaceChildren(...names.map((name) => new Option(words(name), name)));
  if (names.includes(before)) select.value = before;
  element(`${id}-row`).hidden = names.length < 2;
}

function offerPrecisions() {
  const precisions = manifest.choices
    .filter(({ network }) => network === element("network").value).map(({ precision }) => precision);
  // What is proven closest to Keras comes first.
  offer("precision", precisions.sort((a, b) => (b === "float32") - (a === "float32")));
}

// Loads the network that is chosen, after the load that is under way, of which nothing is shown then.
function show() {
  newest += 1;
  const turn = newest;
  upscaling.stop();
  document.body.dataset.state = "loading";
  loading = loading.then(() => load(turn)).catch((error) => { if (turn === newest) fail(error); });
  return loading;
}

// Loads the network that is chosen, and shows the panel it needs.
async function load(turn) {
  if (turn !== newest) return;
  await working;
  document.body.dataset.state = "loading";
  record = null; // nothing is asked of a network that is not there
  const chosen = manifest.choices.find(({ network, precision }) => (
    network === element("network").value && precision === element("precision").value));
  element("problem").hidden = true;
  element("progress").hidden = false;
  const size = chosen.files.reduce((sum, file) => sum + file.size, 0);
  say(`Loading ${chosen.files.map(({ path }) => path).join(", ")}, ${(size / 1e6).toFixed(1)} MB …`);
  await engine.load(chosen.files, element("device").value);
  if (turn !== newest) return;
  element("progress").hidden = true;
  record = chosen;
  element("main").hidden = element("choices").hidden = false;
  if (upscales(record)) upscaling.reset(record);
  if (shown !== record.network) showPanel();
  say(`${engine.note}Ready: ${engine.words}.`);
  ask();
}

function showPanel() {
  shown = record.network;
  const image = record.inputs.find((input) => input.kind === "image");
  const enlarges = upscales(record);
  element("draw").hidden = !image || enlarges;
  element("upscale").hidden = !enlarges;
  element("answer").hidden = enlarges;
  for (const id of ["latents", "random", "save"]) element(id).hidden = Boolean(image);
  document.body.dataset.kind = enlarges ? "upscale" : image ? "draw" : "latents";
  element("answer-title").textContent = image ? "Answer" : "Picture";
  if (!image) {
    latents.reset(record);
    return;
  }
  if (enlarges) {
    element("sample").hidden = !examples().length;
    return;
  }
  labels.show(element("asked"), record.inputs);
  const [height, width] = sidesOf(image, manifest);
  const [low, high] = image.value_range;
  const channels = image.shape[3];
  const look = image.drawing ?? {
    background: Array(channels).fill(high), stroke: Array(channels).fill(low),
    width: Math.max(1, Math.round(height / 32)),
  };
  element("example").hidden = !examples().length;
  const filled = record.inputs.some(({ kind }) => kind === "mask");
  element("holes-hint").hidden = !filled;
  element("draw-title").textContent = filled ? "Picture" : "Draw";
  element("pencil").textContent = filled ? "Brush" : "Pencil";
  if (filled) {
    showHoles(image, height, width);
    return;
  }
  holes.hide();
  const palette = look.palette ?? [look.background, look.stroke];
  drawing.reset(height, width, {
    background: toColour(look.background, image), stroke: toColour(look.stroke, image), lineWidth: look.width,
  });
  showColours(palette.map((colour) => toColour(colour, image)), channels);
  showWidth(look.width);
}

// An example, or a grey picture, with a hole in its middle: what the network does is seen at once.
function showHoles(image, height, width) {
  holes.reset(height, width, "#808080");
  drawing.reset(height, width, { background: "#00000000", stroke: HOLE });
  showColours([], 1);
  showWidth(Math.max(1, Math.round(height / 10)));
  drawing.stamp(Math.round(height / 3));
  if (examples().length) loadExample().catch(fail);
}

// === Drawing ===

function showColours(colours, channels) {
  const row = element("colours");
  row.hidden = colours.length <= 2; // line drawings have one colour besides that of the paper
  const swatches = colours.map((colour) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "colour" });
    button.style.backgroundColor = colour;
    button.setAttribute("aria-label", `Colour ${colour}`);
    button.addEventListener("click", () => setColour(colour));
    button.dataset.colour = colour;
    return button;
  });
  const other = Object.assign(document.createElement("input"), { type: "color", id: "other-colour" });
  other.setAttribute("aria-label", "Another colour");
  other.addEventListener("input", () => setColour(other.value));
  row.replaceChildren(...swatches, ...(channels === 3 ? [other] : []));
  setColour(drawing.colour);
}

function setColour(colour) {
  drawing.colour = colour;
  for (const button of element("colours").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.colour === colour));
  }
  setTool(false);
}

function showWidth(width) {
  element("width").max = Math.max(12, 3 * width);
  setWidth(width);
  setTool(false);
  element("undo").disabled = true;
}

function setTool(erasing) {
  drawing.erasing = erasing;
  element("pencil").setAttribute("aria-pressed", String(!erasing));
  element("eraser").setAttribute("aria-pressed", String(erasing));
}

function setWidth(width) {
  drawing.lineWidth = width;
  element("width").value = width;
  element("width-value").textContent = `${width} px`;
}

function examples() {
  return manifest.page.examples?.[record.network] ?? [];
}

async function loadExample() {
  if (!record) return; // another network is on its way
  const { network } = record;
  const [path, blob] = await anyExample();
  if (shown !== network) return;
  if (upscales(record)) {
    await upscaling.load(blob, path.split("/").pop());
    return;
  }
  take(await createImageBitmap(blob));
  say("Example loaded.");
}

// Shows a picture to translate, or to fill holes of.
function take(bitmap) {
  if (!holes.shown) {
    drawing.load(bitmap);
    return;
  }
  holes.load(bitmap);
  ask();
}

// [path, its content] of one of the examples.
async function anyExample() {
  const paths = examples();
  const path = paths[Math.floor(Math.random() * paths.length)];
  const file = manifest.page.files.find((other) => other.path === path);
  if (!file) throw new Problem(`The manifest has no hash of ${path}.`, "Export the page again.");
  return [path, new Blob([await verified(file)], { type: "image/png" })];
}

async function loadPicture(file) {
  try {
    take(await createImageBitmap(file));
    say(`${file.name} loaded.`);
  } catch {
    say(`${file.name} is not a picture this browser can read: use PNG, JPEG or WebP.`);
  }
}

// === Answering: one at a time, and always the newest question next ===

function ask() {
  if (!record) return;
  wanted = true;
  document.body.dataset.state = "busy";
  working ??= answerAll();
}

async function answerAll() {
  try {
    while (wanted) {
      wanted = false;
      await answer();
    }
    document.body.dataset.state = "ready";
  } catch (error) {
    fail(error);
  } finally {
    working = null;
  }
}

async function answer() {
  if (upscales(record)) {
    await upscaling.answer(record, engine);
    return;
  }
  const begun = performance.now();
  const { outputs, milliseconds } = await computed();
  const about = record.outputs.find((output) => output.kind === "image");
  picture = toPixels(outputs[about.name], about);
  const canvas = element("result");
  Object.assign(canvas, { width: picture.width, height: picture.height });
  canvas.getContext("2d").putImageData(picture, 0, 0);
  Object.assign(canvas.dataset, {
    computing: milliseconds.toFixed(1), answering: (performance.now() - begun).toFixed(1),
  });
  element("time").textContent = `${Math.round(milliseconds)} ms (${engine.words})`;
}

// The outputs of the network, or of the two networks that run one after the other.
async function computed() {
  const { styles } = record;
  const first = await engine.run(questions());
  if (!styles) return first;
  const mixed = latents.styles.applied(first.outputs[styles.name].data);
  const second = await engine.run([tensor(styles, mixed)], 1);
  return { ...second, milliseconds: first.milliseconds + second.milliseconds };
}

function questions() {
  const image = record.inputs.find((input) => input.kind === "image");
  if (!image) return latents.tensors();
  const pixels = holes.shown ? holes.pixels : drawing.pixels;
  const sides = [pixels.height, pixels.width];
  return record.inputs.map((input) => {
    if (input === image) return tensor(image, fromPixels(pixels, image), sides);
    return input.kind === "mask" ? tensor(input, painted(drawing.pixels), sides) : labels.tensor(input);
  });
}

function download(canvas, name) {
  canvas.toBlob((blob) => {
    if (!blob) {
      say("The picture is too large for this browser to write: use keras-gans upscale.");
      return;
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, "image/png");
}

// === Controls ===

function wire() {
  onClick("pencil", () => setTool(false));
  onClick("eraser", () => setTool(true));
  onClick("undo", () => drawing.undo());
  onClick("clear", () => drawing.clear());
  onClick("open", () => element("file").click());
  onClick("example", loadExample);
  onClick("download", () => download(element("result"), `${shown}.png`));
  onClick("sample", loadExample);
  onClick("keep-larger", () => download(element("after"), upscaling.fileName));
  onClick("random", () => latents.random());
  onClick("save", async () => {
    await working; // the picture that belongs to the point
    latents.save(picture);
  });
  element("file").addEventListener("change", ({ target }) => {
    if (target.files.length) loadPicture(target.files[0]);
    target.value = "";
  });
  element("width").addEventListener("input", ({ target }) => setWidth(Number(target.value)));
  element("network").addEventListener("change", () => { offerPrecisions(); show(); });
  for (const id of ["precision", "device"]) {
    element(id).addEventListener("change", show);
  }
  element("result").addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    press({ r: "random", s: "save", d: "download", x: "example" }, event.key);
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey
        && !element("draw").hidden) {
      event.preventDefault();
      drawing.undo();
    }
  });
}

function onClick(id, action) {
  element(id).addEventListener("click", async () => {
    try {
      await action();
    } catch (error) {
      fail(error);
    }
  });
}

// Presses the button a key stands for; false where it stands for none.
function press(buttons, key) {
  const button = element(buttons[key.toLowerCase()] ?? "");
  if (!button || button.hidden) return false;
  button.click();
  return true;
}

// === Saying what goes on ===

function say(words) {
  element("status").textContent = words;
}

function fail(error) {
  document.body.dataset.state = "failed";
  element("progress").hidden = true;
  element("problem").hidden = false;
  element("problem-title").textContent = error.message;
  element("problem-advice").textContent = error instanceof Problem ? error.advice
    : "This is a fault of the page. Reload it; if that does not help, report the sentence above.";
  say("");
}
