// What is drawn, as it is now and as it was before: undone and redone step by step.

export class History {
  #past = [];
  #future = [];
  now = { regions: {}, points: {}, scales: {} };

  /** What is drawn, as text: two of them are the same if nothing has changed. */
  get text() {
    return JSON.stringify(this.now);
  }

  /** Another beginning: nothing can be undone. */
  begin(now) {
    [this.now, this.#past, this.#future] = [now, [], []];
  }

  /** The same from a file that was just saved: what was saved can be undone, and saved again. */
  renew(now) {
    this.now = now;
  }

  /** Keeps a text of before a change, to come back to. */
  remember(before) {
    this.#past.push(before);
    this.#future = [];
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  undo() {
    return this.#step(this.#past, this.#future);
  }

  redo() {
    return this.#step(this.#future, this.#past);
  }

  #step(from, to) {
    if (!from.length) return false;
    to.push(this.text);
    this.now = JSON.parse(from.pop());
    return true;
  }

  /** The shape or point of {kind, name}; undefined where there is none. */
  find(item) {
    return item ? (item.kind === "region" ? this.now.regions : this.now.points)[item.name] : undefined;
  }

  get freeName() {
    let number = 1;
    while (`region_${number}` in this.now.regions) number += 1;
    return `region_${number}`;
  }
}
