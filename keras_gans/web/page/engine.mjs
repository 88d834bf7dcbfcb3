// The page's side of the worker.

import { Problem } from "./files.mjs";

// What computes on each device: what the page calls, what that calls, and the code itself.
const RUNTIMES = {
  wasm: ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"],
  webgpu: ["ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm"],
};

export class Engine {
  #worker = null;
  #waiting = new Map();
  #count = 0;
  #bytes = 0;
  #expected = 1;

  // `files` are those of the manifest's page; `onProgress` is told which share is loaded.
  constructor(files, onProgress) {
    this.files = files;
    this.onProgress = onProgress;
    this.words = "";
  }

  // Loads networks on a device: "wasm", "webgpu", or "auto", which is WebGPU where there is a GPU.
  // Where WebGPU fails WebAssembly takes over, and `note` says so.
  async load(records, choice) {
    this.note = "";
    const wanted = choice === "auto" ? await best() : choice;
    try {
      await this.#open(records, wanted);
    } catch (error) {
      if (wanted === "wasm") throw error;
      this.note = `WebGPU failed (${error.message}). `;
      await this.#open(records, "wasm");
    }
  }

  async #open(records, device) {
    const fresh = this.device !== device;
    const runtime = RUNTIMES[device].map((name) => this.#file(`ort/${name}`));
    this.#bytes = 0;
    this.#expected = [...records, ...(fresh ? runtime : [])].reduce((sum, { size }) => sum + size, 0);
    if (fresh) {
      this.#begin();
      this.device = null;
    }
    this.words = await this.#ask("open", { device, runtime, records });
    this.device = device;
  }

  #file(name) {
    const found = this.files.find(({ path }) => path === name);
    if (!found) throw new Problem(`The manifest has no ${name}.`, "Export the page again.");
    return found;
  }

  // Runs one of the networks that are loaded, by its place among them.
  run(inputs, place = 0) {
    return this.#ask("run", { inputs, place });
  }

  #begin() {
    this.#worker?.terminate();
    this.#waiting.forEach(({ reject }) => reject(new Problem("Stopped.", "")));
    this.#waiting.clear();
    this.#worker = new Worker(new URL("./worker.mjs", import.meta.url), { type: "module" });
    this.#worker.addEventListener("message", ({ data }) => this.#receive(data));
    this.#worker.addEventListener("error", (event) => {
      const problem = new Problem(`The computing part failed: ${event.message || "worker.mjs cannot be loaded"}.`,
        "Reload the page. If that does not help, export it again.");
      this.#waiting.forEach(({ reject }) => reject(problem));
      this.#waiting.clear();
    });
  }

  #ask(action, details) {
    this.#count += 1;
    const id = this.#count;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, action, ...details });
    });
  }

  #receive({ id, result, error, progress }) {
    if (progress) {
      this.#bytes += progress;
      this.onProgress(this.#bytes / this.#expected);
      return;
    }
    const { resolve, reject } = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) reject(new Problem(error.message, error.advice ?? "Reload the page."));
    else resolve(result);
  }
}

async function best() {
  // A fallback adapter is the processor pretending; WebAssembly is faster there.
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return adapter && !adapter.info?.isFallbackAdapter ? "webgpu" : "wasm";
}
