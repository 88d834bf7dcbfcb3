// A picture one draws, pixel for pixel as the network sees it: lines have hard edges, no shades.

const UNDOS = 50;
const KEY_JUMP = 8;

export class Drawing {
  #context;
  #undos = [];
  #last = null; // where the pen is down
  #pen; // where the keyboard's pen is
  #penDown = false;
  #byPointer = false; // how the drawing got the focus

  // `onChange` is called at every change, `onKey` with keys that are not the drawing's own, and
  // `say` with what a person who does not see should hear.
  constructor(canvas, cursor, { onChange, onKey, say }) {
    Object.assign(this, { canvas, cursor, onChange, onKey, say });
    this.#context = canvas.getContext("2d", { willReadFrequently: true });
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => { this.#last = null; });
    }
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("focus", () => this.#showPen());
    canvas.addEventListener("blur", () => {
      this.#byPointer = false;
      this.#showPen();
    });
  }

  // An empty drawing of another size or look.
  reset(height, width, { background, stroke, lineWidth }) {
    Object.assign(this.canvas, { width, height });
    Object.assign(this.cursor, { width: 4 * width, height: 4 * height });
    Object.assign(this, { background, colour: stroke, lineWidth, erasing: false });
    this.#undos = [];
    this.#pen = [width >> 1, height >> 1];
    this.#penDown = false;
    this.#fill();
  }

  get pixels() {
    return this.#context.getImageData(0, 0, this.canvas.width, this.canvas.height);
  }

  get undoable() {
    return this.#undos.length > 0;
  }

  undo() {
    const pixels = this.#undos.pop();
    if (!pixels) return;
    this.#context.putImageData(pixels, 0, 0);
    this.onChange();
  }

  clear() {
    this.#remember();
    this.#fill();
    this.onChange();
  }

  // Paints a disc in the middle.
  stamp(width) {
    this.#remember();
    const [x, y] = [this.canvas.width >> 1, this.canvas.height >> 1];
    for (const [right, down] of disc(width)) this.#dot(x + right, y + down, this.colour);
    this.onChange();
  }

  // Fills the drawing with a picture, stretched as pictures were in training.
  load(bitmap) {
    this.#remember();
    this.#fill(); // where the picture is transparent
    this.#context.imageSmoothingQuality = "high";
    this.#context.drawImage(bitmap, 0, 0, this.canvas.width, this.canvas.height);
    this.onChange();
  }

  #remember() {
    this.#undos.push(this.pixels);
    if (this.#undos.length > UNDOS) this.#undos.shift();
  }

  #fill() {
    this.#context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.#context.fillStyle = this.background;
    this.#context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  // === Pointer ===

  #down(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.#byPointer = true;
    this.canvas.focus({ preventScroll: true });
    this.#showPen();
    this.canvas.setPointerCapture(event.pointerId);
    this.#remember();
    this.#last = this.#place(event);
    this.#line(this.#last, this.#last);
  }

  #move(event) {
    if (!this.#last) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const part of passed.length ? passed : [event]) {
      const place = this.#place(part);
      this.#line(this.#last, place);
      this.#last = place;
    }
  }

  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      Math.floor(((event.clientX - box.left) * this.canvas.width) / box.width),
      Math.floor(((event.clientY - box.top) * this.canvas.height) / box.height),
    ];
  }

  // === Keyboard ===

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? KEY_JUMP : 1;
    const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (ways[event.key]) {
      this.#movePen(ways[event.key]);
    } else if (event.key === " ") {
      this.#penDown = !this.#penDown;
      if (this.#penDown) {
        this.#remember();
        this.#line(this.#pen, this.#pen);
      }
      this.say(this.#penDown ? "Pen down." : "Pen up.");
    } else if (!this.onKey(event.key)) {
      return;
    }
    event.preventDefault();
    this.#byPointer = false;
    this.#showPen();
  }

  #movePen([right, down]) {
    const from = this.#pen;
    const within = (value, size) => Math.min(size - 1, Math.max(0, value));
    this.#pen = [
      within(from[0] + right, this.canvas.width), within(from[1] + down, this.canvas.height),
    ];
    if (this.#penDown) this.#line(from, this.#pen);
    else this.say(`Column ${this.#pen[0] + 1}, row ${this.#pen[1] + 1}.`);
  }

  #showPen() {
    const context = this.cursor.getContext("2d");
    context.clearRect(0, 0, this.cursor.width, this.cursor.height);
    if (this.#byPointer || !this.canvas.matches(":focus")) return;
    const [x, y] = this.#pen.map((value) => 4 * value + 2);
    for (const [colour, width] of [["#ffffff", 4], ["#d0021b", 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.strokeRect(x - 4, y - 4, 8, 8);
    }
  }

  // === Lines ===

  #line([x0, y0], [x1, y1]) {
    const width = this.erasing ? Math.max(4, 3 * this.lineWidth) : this.lineWidth;
    const colour = this.erasing ? this.background : this.colour;
    const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
    const offsets = disc(width);
    for (let step = 0; step <= steps; step += 1) {
      const x = Math.round(x0 + ((x1 - x0) * step) / steps);
      const y = Math.round(y0 + ((y1 - y0) * step) / steps);
      for (const [right, down] of offsets) this.#dot(x + right, y + down, colour);
    }
    this.onChange();
  }

  #dot(x, y, colour) {
    this.#context.clearRect(x, y, 1, 1); // a transparent colour replaces what was there, too
    this.#context.fillStyle = colour;
    this.#context.fillRect(x, y, 1, 1);
  }
}

// Pixels of a round tip, from its middle.
function disc(width) {
  const before = Math.floor((width - 1) / 2);
  const middle = (width - 1) / 2;
  const offsets = [];
  for (let y = 0; y < width; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (Math.hypot(x - middle, y - middle) <= width / 2) offsets.push([x - before, y - before]);
    }
  }
  return offsets;
}
