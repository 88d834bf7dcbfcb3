// Latents: drawing them, the way from one to another, and arithmetic.

// A latent of `size` numbers; `about` is what the manifest says of it.
export function draw(size, about) {
  const latent = new Float32Array(size);
  if (about.distribution === "uniform") {
    const [low, high] = about.value_range;
    return latent.map(() => low + (high - low) * Math.random());
  }
  return latent.map(() => about.mean + about.stddev * normal());
}

function normal() {
  // Box and Muller; 1 - random() is never 0.
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

// Point `way` (0 to 1) of the great circle from `start` to `end`, its length changing evenly; of the
// straight line where they point the same or the opposite way.
export function spherical(start, end, way) {
  const [from, to] = [length(start), length(end)];
  let cosine = 0;
  start.forEach((value, i) => { cosine += (value * end[i]) / Math.max(from * to, 1e-12); });
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  const sine = Math.sin(angle);
  if (sine <= 1e-6) return linear(start, end, way);
  const radius = (1 - way) * from + way * to;
  const a = Math.sin((1 - way) * angle) / sine / Math.max(from, 1e-12);
  const b = Math.sin(way * angle) / sine / Math.max(to, 1e-12);
  return start.map((value, i) => radius * (a * value + b * end[i]));
}

export function linear(start, end, way) {
  return start.map((value, i) => (1 - way) * value + way * end[i]);
}

export function arithmetic(a, b, c) {
  return a.map((value, i) => value - b[i] + c[i]);
}

function length(latent) {
  return Math.hypot(...latent);
}
