// The controls of models with styles: truncation, mixing with a saved point, directions.

const REACH = 3; // spreads to each side that a direction's slider goes

const element = (id) => document.getElementById(id);

export class Styles {
  #moves = []; // how far the styles are moved along each direction, in spreads
  #partner = null; // the saved point whose styles are mixed in
  #points = []; // saved points to choose from
  #sliders = [];

  // `onChange` is called when another image is wanted.
  constructor(onChange) {
    this.onChange = onChange;
    const on = (id, event, action) => element(id).addEventListener(event, ({ target }) => {
      action(target.value);
      onChange();
    });
    on("psi", "input", (value) => this.#setPsi(Number(value)));
    on("partner", "change", (value) => this.#setPartner(
      this.#choices().find(({ name }) => name === value) ?? null));
    on("place", "input", (value) => this.#setPlace(Number(value)));
    on("unmoved", "click", () => this.#setMoves(this.#moves.map(() => 0)));
  }

  // Shows the controls of a network: `about` is the manifest's record of its styles, or null, and
  // `psi` that of the input for truncation, or undefined.
  reset(about, psi) {
    this.about = about;
    element("styles").hidden = !about && !psi;
    element("psi-row").hidden = !psi;
    element("mixing").hidden = !about;
    if (psi) {
      const [low, high] = psi.value_range;
      Object.assign(element("psi"), { min: low, max: high, step: (high - low) / 100 });
    }
    this.#setPsi(psi?.default ?? 1);
    const [, places = 1] = about?.shape ?? [];
    Object.assign(element("place"), { min: 1, max: places });
    this.#setPlace(1 + Math.floor(places / 2));
    this.#showDirections(about?.directions?.length ?? 0);
    this.#partner = null;
    this.offer([]);
  }

  // Offers saved points to mix with.
  offer(points) {
    this.#points = points;
    const options = this.#choices().map((point) => new Option(
      points.includes(point) ? `Point ${point.name}` : `Point ${point.name} (forgotten)`, point.name));
    element("partner").replaceChildren(new Option("none", ""), ...options);
    this.#setPartner(this.#partner);
  }

  // The styles that the image is made of, from those of the mapping network.
  applied(mapped) {
    const styles = Float32Array.from(mapped);
    const size = this.about.shape[2];
    if (this.#partner) {
      const start = (this.place - 1) * size;
      styles.set(this.#partner.style.styles.subarray(start), start);
    }
    this.#moves.forEach((move, i) => {
      if (move === 0) return;
      const [direction, amount] = [this.about.directions[i], move * this.about.spread[i]];
      for (let at = 0; at < styles.length; at += 1) styles[at] += amount * direction[at % size];
    });
    this.shown = styles;
    return styles;
  }

  // What a saved point keeps, `styles` being those of the image that is shown.
  kept() {
    const { psi, place, shown } = this;
    return { psi, place, partner: this.#partner, moves: this.#moves.slice(), styles: shown };
  }

  // Sets the controls to what a point has kept.
  restore({ psi, place, partner, moves }) {
    this.#setPsi(psi);
    this.#setPlace(place);
    this.#setMoves(moves);
    this.#partner = partner;
    this.offer(this.#points);
  }

  #choices() {
    const partner = this.#partner;
    return partner && !this.#points.includes(partner) ? [...this.#points, partner] : this.#points;
  }

  #setPsi(psi) {
    this.psi = psi;
    showValue("psi", psi, psi.toFixed(2));
  }

  #setPlace(place) {
    this.place = place;
    showValue("place", place, `${place} of ${element("place").max}`);
  }

  #setPartner(partner) {
    this.#partner = partner;
    element("partner").value = partner?.name ?? "";
    element("place").disabled = !partner;
  }

  #setMoves(moves) {
    this.#moves = moves.slice();
    this.#sliders.forEach((slider, i) => { slider.value = moves[i]; });
  }

  #showDirections(count) {
    element("directions").hidden = count === 0;
    this.#moves = Array(count).fill(0);
    this.#sliders = this.#moves.map((_, i) => {
      const slider = Object.assign(document.createElement("input"), {
        type: "range", min: -REACH, max: REACH, step: REACH / 60, id: `direction-${i}`,
      });
      slider.value = 0;
      slider.addEventListener("input", () => {
        this.#moves[i] = Number(slider.value);
        this.onChange();
      });
      return slider;
    });
    element("direction-sliders").replaceChildren(...this.#sliders.map((slider, i) => {
      const label = document.createElement("label");
      const name = Object.assign(document.createElement("span"), { textContent: `Direction ${i + 1}` });
      label.append(name, slider);
      return label;
    }));
  }
}

// The settings `share` (0 to 1) of the way from those of one point to those of another. Between two
// partners of mixing there is nothing: each half of the way has that of the point it is nearer to.
export function between(start, end, share) {
  const linear = (from, to) => (1 - share) * from + share * to;
  return {
    ...(share < 0.5 ? start : end),
    psi: linear(start.psi, end.psi),
    moves: start.moves.map((move, i) => linear(move, end.moves[i])),
  };
}

function showValue(id, value, words) {
  element(id).value = value;
  element(`${id}-value`).textContent = words;
  element(id).setAttribute("aria-valuetext", words);
}
