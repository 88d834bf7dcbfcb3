// The panel of models that make pictures from latents: sliders, labels, saved points.

import { between, Styles } from "./styles.mjs";
import { tensor } from "./tensors.mjs";
import * as vectors from "./vectors.mjs";

const FIRST = 8; // sliders seen at once
const CHOOSERS = ["from", "to", "plus", "minus", "also"];
const USUALLY = [0, 1, 0, 1, 2]; // which of the saved points each shows until a person chooses

const element = (id) => document.getElementById(id);

export class Latents {
  #saved = []; // {name, latent, labels, style, picture}
  #count = 0;
  #sliders = [];
  #picked = new Set(); // choosers a person has set

  // `labels` are the `Labels` of the page; `onChange` is called when another picture is wanted.
  constructor(labels, onChange, say) {
    this.labels = labels;
    this.onChange = onChange;
    this.say = say;
    this.styles = new Styles(onChange);
    element("others").addEventListener("toggle", () => this.#fillOthers());
    element("way").addEventListener("input", () => this.#goBetween());
    for (const id of CHOOSERS) element(id).addEventListener("change", () => this.#picked.add(id));
    for (const id of ["from", "to"]) {
      element(id).addEventListener("change", () => this.#goBetween());
    }
    element("reckon").addEventListener("click", () => this.#reckon());
  }

  // Shows the controls of a network; points of another network are forgotten.
  reset(record) {
    this.inputs = record.inputs;
    this.about = record.inputs.find((input) => input.kind === "latent");
    this.size = this.about.shape[1];
    this.styles.reset(record.styles, record.inputs.find((input) => input.kind === "psi"));
    this.#saved = [];
    this.labels.show(element("labels"), record.inputs);
    this.#showSliders();
    this.#showSaved();
    this.random();
  }

  // What to feed the network for the point that is chosen.
  tensors() {
    return this.inputs.map((input) => {
      if (input.kind === "latent") return tensor(input, this.latent);
      return input.kind === "psi" ? tensor(input, [this.styles.psi]) : this.labels.tensor(input);
    });
  }

  random() {
    this.#go(vectors.draw(this.size, this.about));
  }

  // Keeps the point, with the picture it gives, an ImageData.
  save(picture) {
    this.#count += 1;
    const point = { name: String(this.#count), latent: this.latent.slice(), picture };
    this.#saved.push({ ...point, labels: this.labels.kept(), style: this.styles.kept() });
    this.#showSaved();
    this.say(`Point ${point.name} saved.`);
  }

  #go(latent) {
    this.latent = latent;
    this.#sliders.forEach((slider, i) => { slider.value = latent[i]; });
    this.onChange();
  }

  // === Sliders ===

  #showSliders() {
    const shown = Math.min(FIRST, this.size);
    this.#sliders = [];
    element("first-sliders").replaceChildren();
    element("other-sliders").replaceChildren();
    element("others").open = false;
    element("others").hidden = this.size <= shown;
    element("first-title").textContent = `First ${shown} of ${this.size} latent values`;
    element("others-title").textContent = `The other ${this.size - shown}`;
    this.#addSliders(element("first-sliders"), shown);
  }

  #fillOthers() {
    if (element("others").open) this.#addSliders(element("other-sliders"), this.size);
  }

  #addSliders(parent, end) {
    const { mean, stddev } = this.about;
    const [low, high] = this.about.value_range ?? [mean - 3 * stddev, mean + 3 * stddev];
    for (let i = this.#sliders.length; i < end; i += 1) {
      const slider = Object.assign(document.createElement("input"), {
        type: "range", min: low, max: high, step: (high - low) / 200, id: `latent-${i}`,
      });
      slider.value = this.latent?.[i] ?? 0;
      slider.addEventListener("input", () => {
        this.latent[i] = Number(slider.value);
        this.onChange();
      });
      const name = Object.assign(document.createElement("span"), { textContent: `z${i + 1}` });
      const label = document.createElement("label");
      label.append(name, slider);
      parent.append(label);
      this.#sliders.push(slider);
    }
  }

  // === Saved points ===

  #showSaved() {
    element("saved").replaceChildren(...this.#saved.map((point) => this.#tile(point)));
    this.styles.offer(this.#saved);
    element("saved-hint").hidden = this.#saved.length > 0;
    const few = this.#saved.length < 2;
    element("between").disabled = few;
    element("arithmetic").disabled = few;
    CHOOSERS.forEach((id, turn) => {
      const select = element(id);
      const before = this.#picked.has(id) ? select.value : "";
      select.replaceChildren(...this.#saved.map(({ name }) => new Option(name, name)));
      const usual = this.#saved[USUALLY[turn]] ?? this.#saved.at(-1);
      const kept = this.#saved.find(({ name }) => name === before);
      if (usual) select.value = (kept ?? usual).name;
    });
  }

  #tile(point) {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: point.picture.width, height: point.picture.height });
    canvas.getContext("2d").putImageData(point.picture, 0, 0);
    const show = Object.assign(document.createElement("button"), { type: "button" });
    show.append(canvas, point.name);
    show.setAttribute("aria-label", `Show point ${point.name}`);
    show.addEventListener("click", () => {
      this.labels.choose(point.labels);
      this.styles.restore(point.style);
      this.#go(point.latent.slice());
    });
    const forget = Object.assign(document.createElement("button"), {
      type: "button", className: "forget", textContent: "Forget",
    });
    forget.setAttribute("aria-label", `Forget point ${point.name}`);
    forget.addEventListener("click", () => {
      this.#saved = this.#saved.filter((other) => other !== point);
      this.#showSaved();
      element("save").focus();
      this.say(`Point ${point.name} forgotten.`);
    });
    const item = document.createElement("li");
    item.append(show, forget);
    return item;
  }

  #chosen(id) {
    return this.#saved.find(({ name }) => name === element(id).value);
  }

  #goBetween() {
    // Uniform latents fill a cube, which great circles leave; normal ones lie near a sphere.
    const path = this.about.distribution === "uniform" ? vectors.linear : vectors.spherical;
    const [from, to] = [this.#chosen("from"), this.#chosen("to")];
    const share = Number(element("way").value);
    // There is nothing between two classes: each half of the way is of the point it is nearer to.
    this.labels.choose((share < 0.5 ? from : to).labels);
    this.styles.restore(between(from.style, to.style, share));
    this.#go(path(from.latent, to.latent, share));
  }

  #reckon() {
    const [a, b, c] = ["plus", "minus", "also"].map((id) => this.#chosen(id));
    this.labels.choose(a.labels);
    this.styles.restore(a.style);
    this.#go(vectors.arithmetic(a.latent, b.latent, c.latent));
  }
}
