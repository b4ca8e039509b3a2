// A list of any length of which only the rows in sight are elements, used again as it is scrolled.

const BEYOND = 6;

export class Rows {
  /** `fill(element, item)` shows an item in a row that was made by `make()`. */
  constructor(box, height, { make, fill, choose }) {
    this.box = box;
    this.height = height;
    this.make = make;
    this.fill = fill;
    this.items = [];
    this.chosen = undefined;
    this.pool = [];
    this.all = document.createElement("div");
    this.all.className = "all";
    box.append(this.all);
    box.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(box);
    this.all.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row !== null) choose(this.items[Number(row.dataset.at)]);
    });
  }

  show(items, chosen) {
    this.items = items;
    this.chosen = chosen;
    this.all.style.height = `${items.length * this.height}px`;
    this.draw();
  }

  /** Bring the chosen item into sight. */
  reveal(item) {
    const at = this.items.indexOf(item);
    if (at < 0) return;
    const top = at * this.height;
    const { scrollTop, clientHeight } = this.box;
    if (top < scrollTop) this.box.scrollTop = top;
    else if (top + this.height > scrollTop + clientHeight) this.box.scrollTop = top + this.height - clientHeight;
  }

  draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / this.height) - BEYOND);
    const last = Math.min(this.items.length, Math.ceil((this.box.scrollTop + this.box.clientHeight) / this.height) + BEYOND);
    for (let at = first; at < last; at++) {
      const row = (this.pool[at - first] ??= this.#made());
      const item = this.items[at];
      row.hidden = false;
      row.style.transform = `translateY(${at * this.height}px)`;
      row.dataset.at = at;
      row.setAttribute("aria-selected", String(item === this.chosen));
      this.fill(row, item);
    }
    for (let n = Math.max(0, last - first); n < this.pool.length; n++) this.pool[n].hidden = true;
  }

  #made() {
    const row = this.make();
    row.classList.add("row");
    row.setAttribute("role", "option");
    row.style.height = `${this.height}px`;
    this.all.append(row);
    return row;
  }
}
