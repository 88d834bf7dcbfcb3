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
  networks.forEach(checkNetwork);
  return { ...manifest, networks };
}

// Numbers, classes and attributes a panel can show without freezing the page, and a picture's side.
const MOST = 10_000;

const isWhole = (value) => Number.isInteger(value) && value >= 1 && value <= MOST;
const isRange = (value, whole) => Array.isArray(value) && value.length === 2
  && value.every((end) => (whole ? Number.isSafeInteger(end) : Number.isFinite(end)))
  && value[0] <= value[1] && (!whole || value[1] - value[0] < MOST);
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
  if (kind === "label") return isRange(tensor.value_range, true) && areTexts(tensor.classes);
  if (kind === "attributes") {
    return sides.length === 1 && isWhole(sides[0]) && areTexts(tensor.names);
  }
  if (kind === "latent") {
    const drawn = tensor.value_range === undefined
      ? Number.isFinite(tensor.mean) && Number.isFinite(tensor.stddev) : isRange(tensor.value_range);
    return sides.length === 1 && isWhole(sides[0]) && drawn;
  }
  return true;
}

function checkNetwork(record) {
  const { inputs, outputs: given } = record ?? {};
  const tensors = Array.isArray(inputs) && Array.isArray(given) ? [...inputs, ...given] : [null];
  if (!inputs?.length || !tensors.every(isUsable)) {
    throw new Problem(`The manifest does not say how to use ${record?.path}, or asks for more than `
      + "a page can show.", AGAIN);
  }
  const outputs = record.outputs.filter((tensor) => tensor.kind === "image");
  if (!inputs.some((tensor) => ["image", "latent"].includes(tensor.kind))) {
    throw new Problem(`${record.path} takes neither a picture nor a latent, so this page cannot `
      + "steer it.", "Show it with a page made for it.");
  }
  const unknown = record.inputs.find(
    (tensor) => !["image", "latent", "label", "attributes"].includes(tensor.kind));
  if (unknown || outputs.length !== 1) {
    throw new Problem(`${record.path} is not a network this page can show: `
      + (unknown ? `it does not know what to feed “${unknown.name}”.`
        : `it makes ${outputs.length} pictures.`), "Show it with a page made for it.");
  }
}
