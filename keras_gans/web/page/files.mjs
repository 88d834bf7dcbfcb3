// Files of the folder: fetched, and checked against the manifest before anything is done with them.

// What a person can do something about: `title` says what is wrong, `advice` what to do.
export class Problem extends Error {
  constructor(title, advice) {
    super(title);
    this.advice = advice;
  }
}

const AGAIN = "Export the page again (keras-gans export RUN --web DIR --overwrite), copy the whole "
  + "folder to the server, and reload.";

// The address of a file of the folder, however its name is written.
export function inside(path) {
  const folder = new URL("./", import.meta.url);
  const address = new URL(path, folder);
  // Servers read %2f and %5c as separators, browsers do not.
  if (!address.href.startsWith(folder.href) || /%2f|%5c/i.test(address.href.slice(folder.href.length))) {
    throw new Problem(`The manifest names a file outside the folder: ${path}.`, AGAIN);
  }
  return address;
}

async function get(path) {
  const address = inside(path);
  let response;
  try {
    response = await fetch(address, { cache: "no-cache" });
  } catch (error) {
    throw new Problem(`${path} could not be loaded: ${error.message}.`,
      "The server does not answer. Start it again, and reload.");
  }
  if (!response.ok) {
    throw new Problem(`${path} is missing: the server answered ${response.status}.`, AGAIN);
  }
  return response;
}

// The bytes of a file whose hash is `sha256`, a Uint8Array.
export async function verified({ path, sha256, size }, onProgress = () => {}) {
  const response = await get(path);
  const bytes = await read(response, path, size, onProgress);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (bytes.length !== size || found !== sha256) {
    throw new Problem(
      `${path} is not the file that was exported: it has ${bytes.length} bytes with the hash `
      + `${found.slice(0, 12)}…; the manifest says ${size} bytes, ${String(sha256).slice(0, 12)}…, `
      + "so it was not used.", AGAIN);
  }
  return bytes;
}

// No more than the bytes expected and one, so that a wrong file does not fill the memory.
async function read(response, path, size, onProgress) {
  const bytes = new Uint8Array(size + 1);
  const reader = response.body.getReader();
  let length = 0;
  for (;;) {
    let part;
    try {
      part = await reader.read();
    } catch (error) {
      throw new Problem(`${path} broke off after ${length} of ${size} bytes: ${error.message}.`,
        "Reload the page.");
    }
    if (part.done) return bytes.subarray(0, length);
    bytes.set(part.value.subarray(0, bytes.length - length), length);
    length = Math.min(length + part.value.length, bytes.length);
    onProgress(part.value.length);
    if (length > size) {
      await reader.cancel();
      return bytes;
    }
  }
}

// The manifest, looked through: the networks to show are all of one kind.
export async function readManifest() {
  const response = await get("manifest.json");
  let manifest;
  try {
    manifest = await response.json();
  } catch (error) {
    throw new Problem(`manifest.json cannot be read: ${error.message}.`, AGAIN);
  }
  if (manifest?.format !== "keras_gans.export" || manifest.format_version !== 1) {
    throw new Problem("manifest.json is not the manifest of a keras_gans export that this page "
      + "can read.", AGAIN);
  }
  const networks = Array.isArray(manifest.files)
    ? manifest.files.filter((file) => file?.format === "onnx") : [];
  if (!networks.length || !Array.isArray(manifest.page?.files)) {
    throw new Problem("The manifest names no ONNX network, or no page to show it.", AGAIN);
  }
  const roles = networks.map(roleOf);
  const choices = choicesOf(networks, roles);
  if (!choices.length) {
    throw new Problem(`${networks[0].path} takes neither an image nor a latent, or gives no image, `
      + "so this page cannot steer it.", "Show it with a page made for it.");
  }
  return { ...manifest, choices };
}

// What a person can choose: {network, precision, files, inputs, outputs, styles}. `files` holds one
// network or, for styles, two that run one after the other: one maps latents to styles, one makes
// images of styles. `styles` is the tensor between them. A network that does both by itself is
// offered only if one of the two is missing.
function choicesOf(networks, roles) {
  const withRole = (role) => networks.filter((_, i) => roles[i] === role);
  const [wholes, mappings] = [withRole("whole"), withRole("mapping")];
  const chains = withRole("synthesis").flatMap((synthesis) => {
    const [styles] = synthesis.inputs;
    const fitting = mappings.filter(({ outputs: [given] }) => (
      given.name === styles.name && String(given.shape) === String(styles.shape)));
    // A mapping network costs little: any precision will do where the same one is missing.
    const mapping = fitting.find(({ precision }) => precision === synthesis.precision)
      ?? fitting.find(({ precision }) => precision === "float32") ?? fitting[0];
    if (!mapping) return [];
    const whole = wholes.find(({ inputs }) => inputs.some(({ kind }) => kind === "latent"));
    return [{
      network: whole?.network ?? synthesis.network, precision: synthesis.precision,
      files: [mapping, synthesis], inputs: mapping.inputs, outputs: synthesis.outputs, styles,
    }];
  });
  const chained = new Set(chains.map(({ network }) => network));
  const alone = wholes.filter(({ network }) => !chained.has(network)).map((whole) => (
    { ...whole, files: [whole], styles: null }));
  return [...alone, ...chains];
}

// Numbers, classes and attributes a panel can show without freezing the page, and a picture's side.
const MOST = 10_000;
const MOST_DIRECTIONS = 64; // of styles, one slider each

const isWhole = (value) => Number.isInteger(value) && value >= 1 && value <= MOST;
const isRange = (value, whole) => Array.isArray(value) && value.length === 2
  && value.every((end) => (whole ? Number.isSafeInteger(end) : Number.isFinite(end)))
  && value[0] <= value[1] && (!whole || value[1] - value[0] < MOST);
const areNumbers = (value, length) => Array.isArray(value) && value.length === length
  && value.every(Number.isFinite);
const areTexts = (value) => value === undefined
  || (Array.isArray(value) && value.length <= MOST && value.every((one) => typeof one === "string"));

// Whether a tensor is as the manifest's format has it, and no larger than a page can show.
function isUsable(tensor) {
  const { name, kind, shape } = tensor ?? {};
  if (typeof name !== "string" || typeof tensor.dtype !== "string" || !Array.isArray(shape)) {
    return false;
  }
  const sides = shape.slice(1);
  if (!sides.every((side) => side === null || isWhole(side))) return false;
  if (kind === "image") return shape.length === 4 && isRange(tensor.value_range);
  if (kind === "mask") return shape.length === 4 && shape[3] === 1;
  if (kind === "label") return isRange(tensor.value_range, true) && areTexts(tensor.classes);
  if (kind === "attributes") {
    return sides.length === 1 && isWhole(sides[0]) && areTexts(tensor.names);
  }
  if (kind === "latent") {
    const drawn = tensor.value_range === undefined
      ? Number.isFinite(tensor.mean) && Number.isFinite(tensor.stddev) : isRange(tensor.value_range);
    return sides.length === 1 && isWhole(sides[0]) && drawn;
  }
  if (kind === "psi") {
    return sides.length === 1 && sides[0] === 1 && isRange(tensor.value_range)
      && Number.isFinite(tensor.default);
  }
  if (kind === "styles") return areStyles(sides, tensor);
  return true;
}

function areStyles(sides, { directions = [], spread = [] }) {
  return sides.length === 2 && sides.every(isWhole) && sides[0] * sides[1] <= 100 * MOST
    && Array.isArray(directions) && directions.length <= MOST_DIRECTIONS
    && directions.every((direction) => areNumbers(direction, sides[1]))
    && areNumbers(spread, directions.length);
}

const STEERED = ["latent", "label", "attributes", "psi"];

// What a network does: "whole", from an image or a latent to an image; "mapping", from a latent to
// styles; "synthesis", from styles to an image; or null if it is none of these and cannot be shown.
function roleOf(record) {
  const { inputs, outputs: given } = record ?? {};
  const tensors = Array.isArray(inputs) && Array.isArray(given) ? [...inputs, ...given] : [null];
  if (!inputs?.length || !tensors.every(isUsable)) {
    throw new Problem(`The manifest does not say how to use ${record?.path}, or asks for more than `
      + "a page can show.", AGAIN);
  }
  const takes = inputs.map(({ kind }) => kind);
  const images = given.filter(({ kind }) => kind === "image").length;
  const areAll = (kinds) => takes.every((kind) => kinds.includes(kind));
  const latent = takes.includes("latent") && areAll(STEERED);
  if (latent && given.length === 1 && given[0].kind === "styles") return "mapping";
  if (takes.length === 1 && takes[0] === "styles" && images === 1) return "synthesis";
  const unknown = inputs.find(({ kind }) => ![...STEERED, "image", "mask", "styles"].includes(kind));
  if (unknown || images !== 1) {
    throw new Problem(`${record.path} is not a network this page can show: `
      + (unknown ? `it does not know what to feed “${unknown.name}”.`
        : `it makes ${images} pictures.`), "Show it with a page made for it.");
  }
  const image = takes.includes("image") && areAll([...STEERED, "image", "mask"]);
  return latent || image ? "whole" : null;
}
