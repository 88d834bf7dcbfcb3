// Computes, away from the page so that it stays responsive: the networks of one choice at a time.

import { inside, Problem, verified } from "./files.mjs";

let ort = null;
const sessions = [];

const actions = { open, run };

self.addEventListener("message", async ({ data: { id, action, ...details } }) => {
  try {
    self.postMessage({ id, result: await actions[action](details) });
  } catch (error) {
    self.postMessage({ id, error: { message: String(error?.message ?? error), advice: error?.advice } });
  }
});

function progress(bytes) {
  self.postMessage({ progress: bytes });
}

// Loads the runtime, and runs none of it before all of it was checked. Modules are imported by their
// addresses, after the check, because the page's policy lets nobody run bytes that are at hand.
async function start([entry, glue, code]) {
  const [, , binary] = await Promise.all(
    [entry, glue, code].map((file) => verified(file, progress)));
  ort = await load(entry);
  const { wasm } = ort.env;
  wasm.wasmPaths = { mjs: String(inside(glue.path)) };
  wasm.wasmBinary = binary;
  // Threads share memory, which browsers allow where the server sends COOP and COEP.
  wasm.numThreads = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency || 1) : 1;
}

async function load({ path }) {
  try {
    return await import(inside(path));
  } catch (error) {
    throw new Problem(`${path} cannot be loaded: ${error.message}.`,
      "Export the page again, copy the whole folder to the server, and reload.");
  }
}

// Loads networks, and the runtime before the first; returns how they compute, in words.
async function open({ device, runtime, records }) {
  const contents = await Promise.all(
    [...records.map((record) => verified(record, progress)), ort ?? start(runtime)]);
  for (const session of sessions.splice(0)) await session.release();
  for (const [place, { path }] of records.entries()) {
    try {
      sessions.push(
        await ort.InferenceSession.create(contents[place], { executionProviders: [device] }));
    } catch (error) {
      throw new Problem(`${path} cannot be opened: ${error.message}`,
        "Update the browser, or choose what computes.");
    }
  }
  const threads = ort.env.wasm.numThreads;
  return device === "webgpu" ? "WebGPU" : `WebAssembly, ${threads} thread${threads > 1 ? "s" : ""}`;
}

// Tensors in, {name: tensor} out, and the milliseconds between.
async function run({ inputs, place }) {
  const feeds = Object.fromEntries(
    inputs.map(({ name, dtype, dims, data }) => [name, new ort.Tensor(dtype, data, dims)]));
  const begun = performance.now();
  const found = await sessions[place].run(feeds);
  const milliseconds = performance.now() - begun;
  const outputs = Object.entries(found).map(([name, { dims, data }]) => [name, { dims, data }]);
  return { outputs: Object.fromEntries(outputs), milliseconds };
}
