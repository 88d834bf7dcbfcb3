// Cuts a picture into tiles for a network that enlarges it, and joins what it makes of them, as
// keras_gans.core.tiling does: the outer 3/8 of what neighbours share is taken from the other one,
// and they are faded into each other across the quarter between.

// As Python rounds: halves to the even number.
const rounded = (number) => (
  Math.abs(number % 1) === 0.5 ? 2 * Math.round(number / 2) : Math.round(number));

const up = (length, multiple) => Math.ceil(length / multiple) * multiple;

// One side of a picture. `fixed` says whether the network takes `tile` and nothing else.
export class Side {
  constructor(length, { tile, overlap, scale, multiple = 1, smallest = 1, fixed = false }) {
    const whole = up(Math.max(length, smallest, fixed ? tile : 1), multiple);
    const longest = up(Math.max(tile, smallest) - multiple + 1, multiple);
    Object.assign(this, { length, scale, tile: Math.min(longest, whole) });
    const step = Math.max(Math.floor((this.tile - overlap) / multiple), 1) * multiple;
    const rest = whole - this.tile;
    const last = Math.ceil(rest / step);
    this.starts = Array.from({ length: last + 1 }, (_, number) => (
      last ? rounded((number * rest) / last / multiple) * multiple : 0));
    this.fade = Math.max((overlap * scale) / 4, 1e-3);
  }

  // {first, stop, weights}: pixels of the larger side that a tile adds to, and its share of each.
  part(number) {
    const begin = this.starts[number] * this.scale;
    const end = Math.min(begin + this.tile * this.scale, this.length * this.scale);
    const weights = Float32Array.from({ length: end - begin }, (_, place) => (
      this.#after(number, begin + place + 0.5) * (1 - this.#after(number + 1, begin + place + 0.5))));
    const inside = weights.findIndex((weight) => weight > 0);
    const outside = weights.findLastIndex((weight) => weight > 0) + 1;
    return { first: begin + inside, stop: begin + outside, weights: weights.subarray(inside, outside) };
  }

  // Share of a tile and those behind it at a place.
  #after(number, place) {
    if (number === 0) return 1;
    if (number === this.starts.length) return 0;
    const middle = ((this.starts[number] + this.starts[number - 1] + this.tile) * this.scale) / 2;
    return Math.min(1, Math.max(0, (place - middle) / this.fade + 0.5));
  }
}

// A part of a picture {data, width, height} of four bytes a pixel; reflected where it ends behind it.
export function tileOf(picture, top, left, height, width) {
  const data = new Uint8ClampedArray(4 * height * width);
  const columns = Array.from({ length: width }, (_, x) => 4 * reflected(left + x, picture.width));
  for (let y = 0; y < height; y += 1) {
    const row = 4 * picture.width * reflected(top + y, picture.height);
    for (let x = 0; x < width; x += 1) {
      data.set(picture.data.subarray(row + columns[x], row + columns[x] + 4), 4 * (y * width + x));
    }
  }
  return { data, width, height };
}

function reflected(place, length) {
  if (length === 1) return 0;
  const turn = place % (2 * length - 2);
  return turn < length ? turn : 2 * length - 2 - turn;
}

// Enlarges a picture, tile by tile.
//
// `down` and `across` are its `Side`s. `run` makes a promise of {width, height, data} of four numbers
// a pixel of a tile; `onRows` gets finished rows from the top, {data, width, height} and their first
// row; `onTile` is told how many tiles are done, and ends the work by returning false.
// Returns whether all was done.
export async function enlarged(picture, down, across, run, { onRows, onTile }) {
  const width = across.length * across.scale;
  const rows = down.starts.map((_, number) => down.part(number));
  const columns = across.starts.map((_, number) => across.part(number));
  let faded = new Float32Array(0);
  for (const [row, { first, stop, weights }] of rows.entries()) {
    const band = new Float32Array(4 * width * (stop - first));
    band.set(faded);
    const top = down.starts[row];
    for (const [column, part] of columns.entries()) {
      const left = across.starts[column];
      const made = await run(tileOf(picture, top, left, down.tile, across.tile));
      add(band, width, made, weights, first - top * down.scale, part, left * across.scale);
      if (!onTile(row * columns.length + column + 1)) return false;
    }
    const finished = (rows[row + 1]?.first ?? stop) - first;
    const data = Uint8ClampedArray.from(band.subarray(0, 4 * width * finished)); // rounds and clips
    onRows({ data, width, height: finished }, first);
    faded = band.slice(4 * width * finished);
  }
  return true;
}

// Adds a tile's part, by its weights, to a row of joined tiles.
function add(band, width, made, weights, skipped, { first, stop, weights: shares }, left) {
  for (let y = 0; y < weights.length; y += 1) {
    let from = 4 * ((skipped + y) * made.width + first - left);
    let to = 4 * (y * width + first);
    for (let x = 0; x < stop - first; x += 1) {
      const weight = weights[y] * shares[x];
      for (let channel = 0; channel < 4; channel += 1, from += 1, to += 1) {
        band[to] += weight * made.data[from];
      }
    }
  }
}
