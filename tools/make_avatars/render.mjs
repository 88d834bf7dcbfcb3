// Draws people: node render.mjs REQUEST.json PIXELS FACTS.json
//
// REQUEST.json: {style, size, people: [options of the style], lines: bool, parts}
// parts: {part of a face: its colour} for maps of the parts of `micah`, else null.
// PIXELS: RGB bytes of all pictures, one behind the other.
// FACTS.json: what DiceBear drew for each, [{option: value}].

import fs from "node:fs";
import { createAvatar } from "@dicebear/core";
import * as collection from "@dicebear/collection";
import { Resvg } from "@resvg/resvg-js";

const [requestFile, pixelsFile, factsFile] = process.argv.slice(2);
const { style, size, people, lines, parts } = JSON.parse(fs.readFileSync(requestFile, "utf8"));

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

// Flat colours: no soft edges, shades or glosses. What is white on a shirt is its collar, and what has
// a colour of its own in a mouth belongs to it; outlines are black as they are.
function asMapOfParts(svg) {
  return svg
    .replace('shape-rendering="auto"', 'shape-rendering="crispEdges"')
    .replace(/<path [^>]*mix-blend-mode:multiply[^>]*\/>/g, "")
    .replace(/<path opacity="\.1"[^>]*\/>/g, "")
    .replace(/<path [^>]*opacity="\.75"[^>]*\/>/g, (tag) =>
      tag.replace(/ (fill-)?opacity="\.75"/, "").replace('fill="#fff"', `fill="#${parts.collar}"`),
    )
    .replace(/<path [^>]*fill="(#fff|#FC909F)"[^>]*\/>/g, (tag) =>
      tag.replace(/fill="(#fff|#FC909F)"/, `fill="#${parts.mouth}"`),
    )
    .replaceAll("#FCFDFF", `#${parts.hair}`);
}

const pixels = Buffer.alloc(people.length * size * size * 3);
const facts = people.map((options, number) => {
  const avatar = createAvatar(collection[style], { size, ...options });
  const plain = avatar.toString();
  const svg = parts ? asMapOfParts(plain) : lines ? asLineDrawing(plain) : plain;
  const drawn = new Resvg(svg, { fitTo: { mode: "width", value: size }, font: { loadSystemFonts: false } }).render();
  const rgba = drawn.pixels;
  for (let i = 0; i < size * size; i++) {
    rgba.copy(pixels, (number * size * size + i) * 3, 4 * i, 4 * i + 3);
  }
  return avatar.toJson().extra;
});
fs.writeFileSync(pixelsFile, pixels);
fs.writeFileSync(factsFile, JSON.stringify(facts));
