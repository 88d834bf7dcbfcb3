// The panel of models that enlarge pictures: a photograph in, a larger one out, both to compare.

import { Problem } from "./files.mjs";
import { fromPixels, levels, tensor } from "./tensors.mjs";
import { enlarged, Side } from "./tiling.mjs";

const MOST_PIXELS = 2 ** 26; // of the larger picture: four bytes each, which browsers hold twice
const LONGEST = 16_384; // pixels of a canvas's side

// Whether a choice of files.mjs makes larger pictures of pictures.
export function upscales({ inputs, outputs }) {
  return inputs.some(({ kind }) => kind === "image")
    && outputs.some(({ kind, scale }) => kind === "image" && scale > 1);
}

export class Upscaling {
  #source = null; // the photograph, {data, width, height}
  #name = "";
  #stopped = false;

  // `onChange` is called when there is another photograph to enlarge, `say` with what to tell.
  constructor(element, { onChange, say }) {
    Object.assign(this, { element, onChange, say });
    this.before = element("before");
    this.after = element("after");
    element("choose").addEventListener("click", () => element("photograph").click());
    element("photograph").addEventListener("change", ({ target }) => {
      if (target.files.length) this.load(target.files[0], target.files[0].name);
      target.value = "";
    });
    element("cancel").addEventListener("click", () => this.stop());
    for (const name of ["split", "actual"]) {
      element(name).addEventListener("input", () => this.#show());
    }
    element("compare").addEventListener("scroll", () => this.#split());
    window.addEventListener("resize", () => this.#split());
    document.addEventListener("dragover", (event) => { if (this.shown) event.preventDefault(); });
    document.addEventListener("drop", (event) => this.#drop(event));
  }

  get shown() {
    return !this.element("upscale").hidden;
  }

  // Makes ready for a network; what was loaded is kept for it.
  reset(record) {
    const image = record.inputs.find(({ kind }) => kind === "image");
    const { scale } = record.outputs.find(({ kind }) => kind === "image");
    if (!Number.isInteger(image.overlap)) {
      throw new Problem(`The manifest does not say by how much tiles of ${record.files[0].path} `
        + "overlap, so that larger pictures cannot be joined.", "Export the page again.");
    }
    this.element("upscale-title").textContent = `Enlarge ${scale} times`;
  }

  #drop(event) {
    if (!this.shown) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) this.load(file, file.name);
    else this.say("What was dropped is no file. Save the picture first, or drop it from a folder.");
  }

  // Takes a photograph, a Blob; what cannot be read is said, and the one before stays.
  async load(blob, name) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(blob);
    } catch {
      this.say(`${name} is not a picture this browser can read: use PNG, JPEG or WebP.`);
      return;
    }
    const { width, height } = bitmap;
    if (Math.max(width, height) > LONGEST || width * height > MOST_PIXELS) {
      this.say(`${name} has ${width} x ${height} pixels, more than a browser can hold.`);
      return;
    }
    Object.assign(this.before, { width, height });
    const context = this.before.getContext("2d");
    context.fillStyle = "#ffffff"; // where the picture is transparent
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    this.#source = context.getImageData(0, 0, width, height);
    this.#name = name.replace(/\.[^.]*$/, "");
    this.stop();
    this.onChange();
  }

  // Ends the work after the tile it is at.
  stop() {
    this.#stopped = true;
  }

  // Enlarges the photograph that was loaded last, if there is one.
  async answer(record, engine) {
    this.#stopped = false;
    if (!this.#source) return;
    const { width, height } = this.#source;
    const image = record.inputs.find(({ kind }) => kind === "image");
    const made = record.outputs.find(({ kind }) => kind === "image");
    const { scale } = made;
    if (Math.max(width, height) * scale > LONGEST || width * height * scale ** 2 > MOST_PIXELS) {
      this.say(`${this.#name} would become ${width * scale} x ${height * scale} pixels, more than a `
        + `browser can draw. Choose one of at most ${Math.floor(Math.sqrt(MOST_PIXELS) / scale)} x `
        + `${Math.floor(Math.sqrt(MOST_PIXELS) / scale)} pixels, or use keras-gans upscale.`);
      return;
    }
    const [down, across] = [height, width].map((length, axis) => new Side(length, {
      tile: image.shape[axis + 1] ?? image.tile?.[axis] ?? 128,
      fixed: image.shape[axis + 1] !== null,
      overlap: image.overlap, scale, multiple: image.multiple_of, smallest: image.smallest,
    }));
    const total = down.starts.length * across.starts.length;
    this.#begin(width * scale, height * scale, total);
    let computing = 0;
    const run = async (tile) => {
      const feed = tensor(image, fromPixels(tile, image), [tile.height, tile.width]);
      const { outputs, milliseconds } = await engine.run([feed]);
      computing += milliseconds;
      return levels(outputs[made.name], made);
    };
    const context = this.after.getContext("2d");
    const begun = performance.now();
    let finished = 0;
    const done = await enlarged(this.#source, down, across, run, {
      onRows: ({ data, width: across_, height: rows }, first) => (
        context.putImageData(new ImageData(data, across_, rows), 0, first)),
      onTile: (count) => {
        finished = count;
        this.#tell(count, total, performance.now() - begun);
        return !this.#stopped;
      },
    });
    this.#end(done, finished, total, computing / finished, engine.words);
  }

  #begin(width, height, total) {
    Object.assign(this.after, { width, height }); // which empties it
    this.element("comparison").hidden = false;
    this.element("keep-larger").disabled = true;
    this.element("tiles-row").hidden = false;
    Object.assign(this.element("tiles"), { max: total, value: 0 });
    this.#show();
    this.#tell(0, total, 0);
  }

  #tell(count, total, passed) {
    this.element("tiles").value = count;
    const left = count ? Math.ceil((passed / count) * (total - count) / 1000) : null;
    const words = left === null ? "" : `, about ${left} s left`;
    this.element("tiles-words").textContent = `${count} of ${total} tiles${words}`;
  }

  #end(done, finished, total, milliseconds, words) {
    this.element("tiles-row").hidden = true;
    this.element("keep-larger").disabled = !done;
    this.after.dataset.computing = milliseconds.toFixed(1);
    this.element("upscale-time").textContent = done
      ? `${this.after.width} x ${this.after.height} pixels; ${Math.round(milliseconds)} ms for each of `
        + `${total} tiles (${words})` : "";
    this.say(done ? `${this.#name} is ready.` : `Stopped after ${finished} of ${total} tiles.`);
  }

  get fileName() {
    return `${this.#name}-x${this.after.width / this.before.width}.png`;
  }

  // === Before and after ===

  #show() {
    const { width } = this.after;
    const actual = this.element("actual").checked;
    this.element("pictures").style.width = actual ? `${width / devicePixelRatio}px` : "100%";
    this.#split();
  }

  // Shows what lies left of the slider as it was, in the part of the pictures that is seen.
  #split() {
    const frame = this.element("compare");
    if (!frame.scrollWidth) return;
    const place = frame.scrollLeft + (frame.clientWidth * this.element("split").value) / 100;
    const share = Math.min(1, place / this.element("pictures").offsetWidth);
    this.after.style.clipPath = `inset(0 0 0 ${100 * share}%)`;
    this.element("divider").style.left = `${100 * share}%`;
  }
}
