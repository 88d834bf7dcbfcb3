// Classes and attributes that a network is asked for: a chooser for each.

import { tensor } from "./tensors.mjs";

const element = (id) => document.getElementById(id);

export class Labels {
  #values = {}; // of each input: a class's number, or 0 and 1 for each attribute
  #place = null; // where the choosers are

  // `onChange` is called when another picture is wanted.
  constructor(onChange) {
    this.onChange = onChange;
  }

  // Shows the choosers of a network in an element, which is left empty where it takes no labels.
  show(place, inputs) {
    this.#place?.replaceChildren();
    this.#place = place;
    this.#values = {};
    const rows = inputs.filter(({ kind }) => ["label", "attributes"].includes(kind));
    place.replaceChildren(...rows.map((input) => (
      input.kind === "label" ? this.#classChooser(input) : this.#attributeChooser(input))));
  }

  // What to feed the network for one of its labels or its attributes.
  tensor(input) {
    return tensor(input, [this.#values[input.name]].flat());
  }

  kept() {
    return structuredClone(this.#values);
  }

  choose(labels) {
    this.#values = structuredClone(labels);
    for (const [name, value] of Object.entries(labels)) {
      if (Array.isArray(value)) {
        value.forEach((on, i) => { element(`attribute-${name}-${i}`).checked = on === 1; });
      } else {
        element(`class-${name}`).value = value;
      }
    }
  }

  #classChooser(input) {
    const [first, last] = input.value_range;
    const select = document.createElement("select");
    select.id = `class-${input.name}`;
    for (let number = first; number <= last; number += 1) {
      select.add(new Option(input.classes?.[number - first] ?? String(number), number));
    }
    this.#values[input.name] = first;
    select.addEventListener("change", () => {
      this.#values[input.name] = Number(select.value);
      this.onChange();
    });
    return labelled(`${input.head ?? "Class"} `, select);
  }

  #attributeChooser(input) {
    const group = document.createElement("fieldset");
    group.append(Object.assign(document.createElement("legend"), { textContent: "Attributes" }));
    this.#values[input.name] = Array(input.shape[1]).fill(0);
    this.#values[input.name].forEach((_, i) => {
      const box = Object.assign(document.createElement("input"), { type: "checkbox" });
      box.id = `attribute-${input.name}-${i}`;
      box.addEventListener("change", () => {
        this.#values[input.name][i] = Number(box.checked);
        this.onChange();
      });
      const label = labelled("", box);
      label.append(` ${input.names?.[i] ?? `attribute ${i + 1}`}`);
      group.append(label);
    });
    return group;
  }
}

function labelled(text, control) {
  const label = document.createElement("label");
  label.append(text, control);
  return label;
}
