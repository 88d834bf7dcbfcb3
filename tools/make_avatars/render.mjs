// Draws people: node render.mjs REQUEST.json PIXELS FACTS.json
//
// REQUEST.json: {style, size, people: [options of the style], lines: bool}
// PIXELS: RGB bytes of all pictures, one behind the other.
// FACTS.json: what DiceBear drew for each, [{option: value}].

import fs from "node:fs";
import { createAvatar } from "@dicebear/core";
import * as collection from "@dicebear/collection";
import { Resvg } from "@resvg/resvg-js";

const [requestFile, pixelsFile, factsFile] = process.argv.slice(2);
const { style, size, people, lines } = JSON.parse(fs.readFileSync(requestFile, "utf8"));

// A pen draws bolder than the artist's outlines, round what they leave to colour too, and no shade.
function asLineDrawing(svg) {
  return svg
    .replace(/<path [^>]*mix-blend-mode:multiply[^>]*\/>/g, "")
    .replace(/stroke-width="(4|3\.82)"/g, 'stroke-width="8"')
    .replace(/<[^>]*fill="#fefefe"[^>]*>/g, (tag) =>
      tag.includes("stroke=")
        ? tag
        : tag.replace(/ stroke-width="[^"]*"/, "").replace("fill=", 'stroke="#000" stroke-width="8" fill='),
    );
}

const pixels = Buffer.alloc(people.length * size * size * 3);
const facts = people.map((options, number) => {
  const avatar = createAvatar(collection[style], { size, ...options });
  const svg = lines ? asLineDrawing(avatar.toString()) : avatar.toString();
  const drawn = new Resvg(svg, { fitTo: { mode: "width", value: size }, font: { loadSystemFonts: false } }).render();
  const rgba = drawn.pixels;
  for (let i = 0; i < size * size; i++) {
    rgba.copy(pixels, (number * size * size + i) * 3, 4 * i, 4 * i + 3);
  }
  return avatar.toJson().extra;
});
fs.writeFileSync(pixelsFile, pixels);
fs.writeFileSync(factsFile, JSON.stringify(facts));
