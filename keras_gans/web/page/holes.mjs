// The picture under the brush, of networks that fill holes: what is painted over is to be filled in.

export const HOLE = "#d0128c"; // opaque, and a colour that pictures seldom have

export class Holes {
  #context;

  // `canvas` shows the picture, and lies under that of the `Drawing` that is the mask.
  constructor(canvas) {
    this.canvas = canvas;
    this.#context = canvas.getContext("2d", { willReadFrequently: true });
  }

  get shown() {
    return !this.canvas.hidden;
  }

  hide() {
    this.canvas.hidden = true;
  }

  // A picture of one colour, of another size.
  reset(height, width, colour) {
    Object.assign(this.canvas, { width, height, hidden: false });
    this.#context.fillStyle = colour;
    this.#context.fillRect(0, 0, width, height);
  }

  // Another picture, stretched as pictures were in training, on white where it is transparent.
  load(bitmap) {
    const { width, height } = this.canvas;
    this.#context.fillStyle = "#ffffff";
    this.#context.fillRect(0, 0, width, height);
    this.#context.imageSmoothingQuality = "high";
    this.#context.drawImage(bitmap, 0, 0, width, height);
  }

  get pixels() {
    return this.#context.getImageData(0, 0, this.canvas.width, this.canvas.height);
  }
}

// 1 where something is painted on a transparent drawing, 0 elsewhere: a mask.
export function painted({ data }) {
  return Float32Array.from({ length: data.length / 4 }, (_, pixel) => Number(data[4 * pixel + 3] > 0));
}
