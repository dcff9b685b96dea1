// Groups of notes that link more to each other than to others. Where the data bring none they are found
// here, by the method of Louvain: every node moves to the group that most of its links lead to, measured
// against chance; then groups become nodes, and so on. The order is fixed, so that the same vault has the
// same groups each time.
"use strict";

Orrery.clusters = (() => {
  const { nodes, lines } = Orrery;

  // Moves nodes until nothing gets better. `links[a]` is a map of neighbour to weight, `own` the weight
  // inside of a node. Returns the group of each node, or null if none moved.
  function settle(links, own) {
    const count = links.length;
    const weight = links.map((near, at) => [...near.values()].reduce((sum, w) => sum + w, 2 * own[at]));
    const all = weight.reduce((sum, w) => sum + w, 0);
    const group = links.map((_, at) => at);
    const total = weight.slice();
    let moved = false;
    for (let round = 0; round < 20 && all > 0; round++) {
      let moves = 0;
      for (let at = 0; at < count; at++) {
        const gain = new Map();
        for (const [other, w] of links[at]) gain.set(group[other], (gain.get(group[other]) || 0) + w);
        const from = group[at];
        total[from] -= weight[at];
        let best = from;
        let most = (gain.get(from) || 0) - (total[from] * weight[at]) / all;
        for (const [to, w] of gain) {
          const value = w - (total[to] * weight[at]) / all;
          if (value > most + 1e-9) [best, most] = [to, value];
        }
        total[best] += weight[at];
        group[at] = best;
        moves += best === from ? 0 : 1;
      }
      moved ||= moves > 0;
      if (moves === 0) break;
    }
    return moved ? group : null;
  }

  function numbered(groups) {
    const numbers = new Map();
    return groups.map((group) => {
      if (!numbers.has(group)) numbers.set(group, numbers.size);
      return numbers.get(group);
    });
  }

  function find() {
    let links = nodes.map(() => new Map());
    for (const line of lines) {
      const count = line.edges.filter((edge) => edge.type !== "tags" && edge.type !== "guesses").length;
      if (count === 0) continue;
      links[line.source.id].set(line.target.id, count);
      links[line.target.id].set(line.source.id, count);
    }
    let own = links.map(() => 0);
    let member = links.map((_, at) => at);
    for (let level = 0; level < 10; level++) {
      const settled = settle(links, own);
      if (settled === null) break;
      const group = numbered(settled);
      member = member.map((at) => group[at]);
      const size = Math.max(...group) + 1;
      const wider = Array.from({ length: size }, () => new Map());
      const inner = new Array(size).fill(0);
      links.forEach((near, at) => {
        inner[group[at]] += own[at];
        for (const [other, w] of near) {
          const [a, b] = [group[at], group[other]];
          if (a === b) inner[a] += w / 2;
          else wider[a].set(b, (wider[a].get(b) || 0) + w);
        }
      });
      [links, own] = [wider, inner];
    }
    nodes.forEach((node) => { node.cluster = member[node.id]; });
  }

  if (nodes.every((node) => node.cluster === undefined)) find();

  // The largest first; one alone is none.
  const members = new Map();
  for (const node of nodes) {
    if (node.cluster === undefined || node.kind === "tag") continue;
    if (!members.has(node.cluster)) members.set(node.cluster, []);
    members.get(node.cluster).push(node);
  }
  const all = [...members.values()].filter((group) => group.length > 1);
  all.sort((a, b) => b.length - a.length || a[0].id - b[0].id);
  for (const node of nodes) node.cluster = undefined;
  const name = (group) => group.reduce((best, node) => (node.degree > best.degree ? node : best)).name;
  return all.map((group, number) => {
    group.forEach((node) => { node.cluster = number; });
    return { number, nodes: group, name: name(group) };
  });
})();
