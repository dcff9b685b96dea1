// The drawer with the colours, their meaning, and the filters.
"use strict";

Orrery.controls = (() => {
  const { data, nodes, edges, element, button, name, many, shown, filters, colours } = Orrery;
  const { chosen, span } = filters;
  const place = document.getElementById("controls");
  const DAY = 86400;
  const FOLDERS = 12;

  Orrery.day = (seconds) => new Date(seconds * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });

  const changed = () => Orrery.emit("filters");
  const section = (title, ...content) => element("section", "", element("h3", "", title), ...content);

  // A box with words and a number; `act` is told what it is now.
  function box(words, count, checked, act) {
    const input = element("input", "");
    Object.assign(input, { type: "checkbox", checked });
    input.addEventListener("change", () => {
      act(input.checked);
      changed();
    });
    return element("label", "box", input, element("span", "words", words), count === null ? null : element("span", "number", count.toLocaleString("en")));
  }

  function colourBy() {
    const made = element("div", "choices");
    made.setAttribute("role", "radiogroup");
    made.setAttribute("aria-label", "Colour by");
    for (const by of ["groups", "clusters", "folders"]) {
      if (by === "groups" && data.groups.length === 0) continue;
      const input = element("input", "");
      Object.assign(input, { type: "radio", name: "colour-by", value: by, checked: colours.stated.by === by });
      input.addEventListener("change", () => {
        colours.stated.by = by;
        colours.paint();
      });
      made.append(element("label", "", input, element("span", "", by)));
    }
    return made;
  }

  const legend = element("ul", "legend");
  function drawLegend() {
    const rows = colours.legend().map(([colour, words, members, trouble], number) => {
      const dot = element("span", colour === "" ? "dot many" : "dot note");
      if (colour !== "") dot.style.setProperty("--colour", colour);
      dot.setAttribute("aria-hidden", "true");
      const count = element("span", "number", members.length.toLocaleString("en"));
      const row = button("meaning" + (trouble === undefined ? "" : " off"), "", () => {
        const lit = Orrery.state.lit?.number === number;
        colours.light(lit ? null : { number, words, nodes: new Set(members) });
      });
      row.append(dot, element("span", "words", name(words)), count);
      row.title = shown(words);
      return element("li", "", row, trouble === undefined ? null : element("p", "about", "Not understood, ", name(trouble)));
    });
    legend.replaceChildren(...rows);
    press();
    for (const input of place.querySelectorAll("input[name=colour-by]")) input.checked = input.value === colours.stated.by;
  }

  function press() {
    [...legend.children].forEach((row, number) => {
      row.firstChild.setAttribute("aria-pressed", String(number === Orrery.state.lit?.number));
    });
  }

  function what() {
    const of = (words, kind, flag) => {
      const count = nodes.filter((node) => node.kind === kind).length;
      return count === 0 ? null : box(words, count, chosen[flag], (is) => { chosen[flag] = is; });
    };
    const rows = [
      of("Tags", "tag", "tags"),
      of("Attachments", "attachment", "attachments"),
      of("Missing names", "missing", "missing"),
      box("Notes without links", null, chosen.orphans, (is) => { chosen.orphans = is; }),
    ];
    if (data.show.filter !== "") {
      const own = box("The vault’s own filter", null, chosen.own, (is) => { chosen.own = is; });
      own.title = shown(data.show.filter);
      if (data.show.filter_trouble !== undefined) {
        own.querySelector("input").disabled = true;
        own.title += " (not followed: " + shown(data.show.filter_trouble) + ")";
      }
      rows.push(own);
    }
    return rows;
  }

  function types() {
    const NAMES = { links: "Links", embeds: "Embeds", properties: "Front matter", canvas: "Canvas", tags: "Tags",
      paths: "Paths in prose", mentions: "Unlinked mentions", copies: "Copies" };
    return Object.entries(NAMES).map(([type, words]) => {
      const all = edges.filter((edge) => edge.type === type);
      if (all.length === 0) return null;
      const row = box(words, all.length, chosen.types.has(type), (is) => {
        if (is) chosen.types.add(type);
        else chosen.types.delete(type);
      });
      // As it is drawn, which tells what somebody wrote from what is guessed.
      const stroke = element("span", "stroke " + (all[0].guessed ? "guessed" : type === "tags" ? "faint" : ""));
      stroke.setAttribute("aria-hidden", "true");
      row.querySelector(".words").after(stroke);
      if (all[0].guessed) row.title = "Guessed from the words; nobody wrote a link";
      return row;
    });
  }

  // Folders, with the ones in them one level deep.
  function folders() {
    const counts = new Map();
    for (const node of nodes) {
      if (!node.isFile) continue;
      const [top, inner] = node.folder.split("/");
      for (const folder of inner === undefined ? [top] : [top, top + "/" + inner]) {
        counts.set(folder, (counts.get(folder) || 0) + 1);
      }
    }
    const one = (folder, words) => {
      return box(name(words), counts.get(folder) || 0, !chosen.hidden.has(folder), (is) => {
        if (is) chosen.hidden.delete(folder);
        else chosen.hidden.add(folder);
      });
    };
    const rows = colours.folders.map((top) => {
      if (top === "") return one("", "top folder");
      const inner = new Set();
      for (const folder of data.folders) {
        const [first, second] = folder.split("/");
        if (first === top && second !== undefined) inner.add(first + "/" + second);
      }
      if (inner.size === 0) return one(top, top);
      const more = element("details", "", element("summary", "", element("span", "unseen", "Folders in "), one(top, top)));
      more.append(...[...inner].sort(colours.inOrder).map((folder) => one(folder, folder.slice(top.length + 1))));
      return more;
    });
    if (rows.length <= FOLDERS) return rows;
    const rest = element("details", "rest", element("summary", "", many(rows.length - FOLDERS, "more folder")), ...rows.slice(FOLDERS));
    return [...rows.slice(0, FOLDERS), rest];
  }

  function tags() {
    const counts = new Map();
    for (const node of nodes) {
      for (const tag of node.tags) {
        // A nested tag counts for those it is in.
        for (let at = tag; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
          const key = at.toLowerCase();
          if (!counts.has(key)) counts.set(key, { tag: at, of: new Set() });
          counts.get(key).of.add(node);
        }
      }
    }
    if (counts.size === 0) return null;
    const select = element("select", "");
    select.id = "tag";
    select.setAttribute("aria-label", "Only notes with this tag");
    select.append(new Option("any tag, or none", ""));
    for (const { tag, of } of [...counts.values()].sort((a, b) => b.of.size - a.of.size || (a.tag < b.tag ? -1 : 1)).slice(0, 500)) {
      select.append(new Option(`#${shown(tag)} (${of.size})`, tag));
    }
    select.addEventListener("change", () => {
      chosen.tag = select.value;
      changed();
    });
    return section("Only with tag", select);
  }

  // Two sliders over the days on which notes were last changed, with the number of notes above them.
  function time() {
    const first = Math.floor(span.first / DAY);
    const days = Math.floor(span.last / DAY) - first;
    if (days < 1) return null;
    const BARS = 36;
    const bars = new Array(BARS).fill(0);
    for (const node of nodes) {
      if (node.mtime !== undefined) bars[Math.min(BARS - 1, Math.floor(((node.mtime - span.first) / (span.last - span.first)) * BARS))]++;
    }
    const most = Math.max(...bars);
    const chart = element("div", "bars", ...bars.map((count) => {
      const bar = element("span", "");
      bar.style.height = count === 0 ? "0" : `${Math.max(6, (100 * Math.sqrt(count)) / Math.sqrt(most))}%`;
      return bar;
    }));
    chart.setAttribute("aria-hidden", "true");
    const slider = (words, value) => {
      const input = element("input", "");
      Object.assign(input, { type: "range", min: 0, max: days, value });
      input.setAttribute("aria-label", words);
      return input;
    };
    const [since, until] = [slider("Changed since", 0), slider("Changed until", days)];
    since.id = "since";
    until.id = "until";
    const said = element("p", "about", "");
    const tell = () => {
      const [low, high] = [Number(since.value), Number(until.value)].sort((a, b) => a - b);
      chosen.since = low === 0 ? span.first : (first + low) * DAY;
      chosen.until = high === days ? span.last : (first + high + 1) * DAY - 1;
      said.textContent = `${Orrery.day(chosen.since)} to ${Orrery.day(chosen.until)}`;
      [since, until].forEach((input) => input.setAttribute("aria-valuetext", Orrery.day((first + Number(input.value)) * DAY)));
      [...chart.children].forEach((bar, at) => {
        const from = span.first + ((span.last - span.first) * at) / BARS;
        bar.classList.toggle("out", from + (span.last - span.first) / BARS < chosen.since || from > chosen.until);
      });
    };
    for (const input of [since, until]) {
      input.addEventListener("input", () => {
        tell();
        changed();
      });
    }
    tell();
    return section("Last changed", chart, element("div", "sliders", since, until), said);
  }

  function draw() {
    const all = button("plain", "Show everything again", () => {
      filters.reset();
      draw();
      changed();
    });
    all.id = "reset";
    const parts = [
      section("Colours", colourBy(), legend),
      section("Shown", ...what().filter((row) => row)),
      edges.length > 0 ? section("Edges", ...types().filter((row) => row)) : null,
      section("Folders", ...folders()),
      tags(),
      time(),
      element("p", "actions", all, Orrery.panel.mend()),
    ];
    place.replaceChildren(...parts.filter((part) => part));
    drawLegend();
  }

  function toggle(open = place.hidden) {
    place.hidden = !open;
    document.getElementById("show-controls").setAttribute("aria-expanded", String(open));
  }

  toggle(!Orrery.narrow.matches);
  Orrery.on("colours", drawLegend);
  Orrery.on("lit", press);
  return { draw, toggle };
})();
