// The search field: finds by title, other names, path and tag while one types, and goes there.
"use strict";

Orrery.search = (() => {
  const { nodes, state, element, name } = Orrery;
  const MOST = 14;
  const field = document.getElementById("search");
  const list = document.getElementById("found");
  let hits = [];
  let at = 0;

  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const index = nodes.map((node) => ({
    node,
    title: fold(node.title),
    aliases: node.aliases.map(fold),
    path: fold(node.path),
    tags: node.tags.map(fold),
  }));

  // How well all words fit; 0: not at all.
  function rank(entry, words) {
    let sum = 0;
    for (const word of words) {
      const value = word.startsWith("#") ? tag(entry, word.slice(1)) : plain(entry, word);
      if (value === 0) return 0;
      sum += value;
    }
    return sum + Math.min(entry.node.degree, 50) / 100;
  }

  function tag(entry, word) {
    if (entry.node.kind === "tag") return entry.title.startsWith("#" + word) ? 9 : 0;
    return entry.tags.some((own) => own.startsWith(word)) ? 5 : 0;
  }

  function plain(entry, word) {
    if (entry.title === word) return 12;
    if (entry.title.startsWith(word)) return 9;
    if (entry.aliases.includes(word)) return 8;
    if (entry.title.split(/[^\p{L}\p{N}]+/u).some((part) => part.startsWith(word))) return 7;
    if (entry.title.includes(word)) return 6;
    if (entry.aliases.some((alias) => alias.includes(word))) return 5;
    if (entry.path.includes(word)) return 3;
    return entry.tags.some((own) => own.includes(word)) ? 2 : 0;
  }

  function find(text) {
    const words = fold(text.trim()).split(/\s+/).filter((word) => word !== "" && word !== "#");
    if (words.length === 0) return [];
    const ranked = index.map((entry) => [rank(entry, words), entry.node]).filter(([value]) => value > 0);
    ranked.sort((a, b) => b[0] - a[0] || (a[1].path < b[1].path ? -1 : 1));
    return ranked.map(([, node]) => node);
  }

  function update() {
    const all = find(field.value);
    hits = all.slice(0, MOST);
    at = 0;
    state.found = field.value.trim() === "" ? null : new Set(all);
    draw(all.length);
    Orrery.picture.repaint();
  }

  function draw(total) {
    list.replaceChildren(...hits.map(row));
    const empty = field.value.trim() === "";
    if (total > hits.length) list.append(element("li", "more", `and ${total - hits.length} more`));
    if (total === 0 && !empty) list.append(element("li", "more", "Nothing found"));
    list.hidden = empty;
    field.setAttribute("aria-expanded", String(!empty));
    if (hits.length > 0) field.setAttribute("aria-activedescendant", "hit-" + at);
    else field.removeAttribute("aria-activedescendant");
    if (!empty) Orrery.say(total === 1 ? "1 found" : `${total} found`);
  }

  function row(node, number) {
    const made = element("li", "hit " + node.kind, element("span", "title", name(node.title)));
    if (node.isFile && node.folder !== "") made.append(element("span", "where", name(node.folder)));
    if (node.kind === "missing") made.append(element("span", "where", "no such file"));
    made.id = "hit-" + number;
    made.setAttribute("role", "option");
    made.setAttribute("aria-selected", String(number === at));
    made.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      go(node);
    });
    return made;
  }

  function move(by) {
    if (hits.length === 0) return;
    at = (at + by + hits.length) % hits.length;
    [...list.querySelectorAll(".hit")].forEach((made, number) => {
      made.setAttribute("aria-selected", String(number === at));
      if (number === at) made.scrollIntoView({ block: "nearest" });
    });
    field.setAttribute("aria-activedescendant", "hit-" + at);
  }

  function go(node) {
    close();
    document.getElementById("graph").focus();
    Orrery.travel(node);
  }

  function close() {
    field.value = "";
    state.found = null;
    hits = [];
    draw(0);
    Orrery.picture.repaint();
  }

  field.addEventListener("input", update);
  field.addEventListener("blur", () => { list.hidden = true; });
  field.addEventListener("focus", () => { list.hidden = field.value.trim() === ""; });
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && hits.length > 0) {
      event.preventDefault();
      go(hits[at]);
    } else if (event.key === "Escape") {
      close();
      document.getElementById("graph").focus();
    }
    event.stopPropagation();
  });

  // Looks for something on behalf of another part of the page.
  function ask(text) {
    field.value = text;
    field.focus();
    update();
  }

  return { find, ask, focus: () => field.select() };
})();
