// Pictures to tensors and back. A tensor is {name, dtype, dims, data}.

import { Problem } from "./files.mjs";

const ARRAYS = {
  float32: Float32Array,
  float16: globalThis.Float16Array,
  int32: Int32Array,
  int64: BigInt64Array,
};

// A tensor of an input, filled with plain numbers; `sides` where the manifest leaves them free.
export function tensor(record, numbers, sides = []) {
  const Kind = ARRAYS[record.dtype];
  if (!Kind) {
    throw new Problem(`This browser has no ${record.dtype} numbers, which ${record.name} takes.`,
      "Choose another precision, or update the browser.");
  }
  const data = record.dtype === "int64" ? Kind.from(numbers, BigInt) : Kind.from(numbers);
  const [, ...rest] = record.shape;
  const dims = [1, ...rest.map((size, axis) => size ?? sides[axis])];
  return { name: record.name, dtype: record.dtype, dims, data };
}

// Height and width of the pictures an input takes.
export function sidesOf(record, manifest) {
  const usual = manifest.model?.config?.image_size ?? 256;
  return [record.shape[1] ?? usual, record.shape[2] ?? usual];
}

// ImageData to the numbers of an NHWC picture in the input's range.
export function fromPixels({ data, width, height }, record) {
  const channels = record.shape[3];
  const [low, high] = record.value_range;
  const numbers = new Float32Array(width * height * channels);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const colour = data.subarray(4 * pixel, 4 * pixel + 3);
    for (let channel = 0; channel < channels; channel += 1) {
      const level = channels === 1 ? grey(colour) : colour[channel];
      numbers[channels * pixel + channel] = low + ((high - low) * level) / 255;
    }
  }
  return numbers;
}

function grey([red, green, blue]) {
  return (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16;
}

// An NHWC picture to ImageData.
export function toPixels({ dims, data }, record) {
  const [, height, width, channels] = dims;
  const [low, high] = record.value_range;
  const picture = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      const value = data[channels * pixel + (channels === 1 ? 0 : channel)];
      picture.data[4 * pixel + channel] = (255 * (value - low)) / (high - low); // rounds and clips
    }
    picture.data[4 * pixel + 3] = 255;
  }
  return picture;
}

// An NHWC picture to its levels from 0 to 255, not rounded: four numbers a pixel, the last 255.
export function levels({ dims, data }, record) {
  const [, height, width, channels] = dims;
  const [low, high] = record.value_range;
  const numbers = new Float32Array(4 * width * height).fill(255);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      const value = data[channels * pixel + (channels === 1 ? 0 : channel)];
      numbers[4 * pixel + channel] = Math.min(255, Math.max(0, (255 * (value - low)) / (high - low)));
    }
  }
  return { data: numbers, width, height };
}

// A colour of the manifest, values in the input's range, to "#rrggbb".
export function toColour(values, record) {
  const [low, high] = record.value_range;
  const levels = (values.length === 1 ? [values[0], values[0], values[0]] : values).map(
    (value) => Math.min(255, Math.max(0, Math.round((255 * (value - low)) / (high - low)))));
  return `#${levels.map((level) => level.toString(16).padStart(2, "0")).join("")}`;
}
