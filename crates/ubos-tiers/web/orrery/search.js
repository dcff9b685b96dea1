// The search field: finds by title, other names, path and tag while one types, and goes there. It says what
// it looks at, and what it does not.
"use strict";

Orrery.search = (() => {
  const { nodes, state, element, name, shown } = Orrery;
  const MOST = 14;
  const field = document.getElementById("search");
  const place = document.getElementById("found");
  const list = document.getElementById("hits");
  const scope = document.getElementById("scope");
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

  // A query as parts: words and "phrases", each with a minus or one of the operators that the page can
  // honour. The page has titles, other names, paths and tags of the notes, but not their text: what needs
  // that is told, and finds nothing.
  const PART = /(-?)(?:(path|file|tag):)?(?:"([^"]*)"|(\S+))/gu;
  const BEYOND = /^(?:(?:line|block|section|content|task|task-todo|task-done|match-case|ignore-case|property):|\[|\/.*\/$|[()]|OR$)/;

  function understand(text) {
    const parts = [];
    for (const [, minus, field, phrase, word] of text.normalize("NFC").matchAll(PART)) {
      if (field === undefined && word !== undefined && BEYOND.test(word)) return { beyond: word, parts: [] };
      const wanted = fold(phrase ?? word);
      const isTag = field === "tag" || (field === undefined && wanted.startsWith("#"));
      const sought = isTag ? wanted.replace(/^#/, "") : wanted;
      if (sought !== "") parts.push({ not: minus !== "", field: isTag ? "tag" : field, sought });
    }
    return { parts };
  }

  // How well all parts fit; 0: not at all.
  function rank(entry, parts) {
    let sum = 0;
    for (const { not, field, sought } of parts) {
      const value = field === "tag" ? tag(entry, sought) : field === undefined ? plain(entry, sought) : within(entry, field, sought);
      if ((value === 0) !== not) return 0;
      sum += value;
    }
    return sum + 1 + Math.min(entry.node.degree, 50) / 100;
  }

  function tag(entry, word) {
    if (entry.node.kind === "tag") return entry.title.startsWith("#" + word) ? 9 : 0;
    return entry.tags.some((own) => own.startsWith(word)) ? 5 : 0;
  }

  function within(entry, field, word) {
    if (!entry.node.isFile) return 0;
    return (field === "file" ? entry.path.slice(entry.path.lastIndexOf("/") + 1) : entry.path).includes(word) ? 5 : 0;
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
    const { parts } = understand(text);
    if (parts.length === 0) return [];
    const ranked = index.map((entry) => [rank(entry, parts), entry.node]).filter(([value]) => value > 0);
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
    place.hidden = empty;
    field.setAttribute("aria-expanded", String(!empty));
    if (hits.length > 0) field.setAttribute("aria-activedescendant", "hit-" + at);
    else field.removeAttribute("aria-activedescendant");
    if (empty) return;
    const { beyond } = understand(field.value);
    const count = beyond !== undefined ? `${shown(beyond)} is not looked at here`
      : total === 0 ? "Nothing found" : total > hits.length ? `${hits.length} of ${total.toLocaleString("en")}` : `${total} found`;
    const command = element("code", "", "ubos-sync graph search");
    scope.replaceChildren(element("strong", "", count), " · looks at titles, other names, paths and tags; for the text: ", command);
    Orrery.say(count);
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
  field.addEventListener("blur", () => { place.hidden = true; });
  field.addEventListener("focus", () => { place.hidden = field.value.trim() === ""; });
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
