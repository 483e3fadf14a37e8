// What the browser keeps for this page. One that blocks the data of sites keeps nothing, and the page works without.

/** What is kept under a key, of this window or (lasting) of the browser; null: nothing. */
export function kept(key, lasting = false) {
  try {
    return place(lasting).getItem(key);
  } catch {
    return null;
  }
}

/** Keeps a text; null: nothing any more. */
export function keep(key, text, lasting = false) {
  try {
    if (text === null) place(lasting).removeItem(key);
    else place(lasting).setItem(key, text);
  } catch {
    // Blocked or full: a reload finds nothing, which is what the user chose.
  }
}

// To name it alone throws where it is blocked.
const place = (lasting) => (lasting ? localStorage : sessionStorage);
