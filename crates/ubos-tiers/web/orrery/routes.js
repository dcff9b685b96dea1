// Ways through what is shown: neighbours, surroundings, the shortest path between two notes.
"use strict";

Orrery.routes = (() => {
  const other = (edge, node) => (edge.from === node ? edge.to : edge.from);

  // The shown neighbours of a node, best linked first.
  function neighbours(node) {
    const near = new Set();
    for (const edge of node.edges) if (edge.shown) near.add(other(edge, node));
    return [...near].sort((a, b) => b.degree - a.degree || a.id - b.id);
  }

  // What lies at most so many edges away, with itself. A tag is reached but not passed: what shares a tag
  // is not near for that.
  function around(node, depth, takes) {
    const reached = new Set([node]);
    let rim = [node];
    for (let step = 0; step < depth; step++) {
      const next = [];
      for (const at of rim) {
        if (at.kind === "tag" && at !== node) continue;
        for (const edge of at.edges) {
          const to = other(edge, at);
          if (takes(edge) && !reached.has(to)) {
            reached.add(to);
            next.push(to);
          }
        }
      }
      rim = next;
    }
    return reached;
  }

  // The shortest way over shown edges in whatever direction, as steps; null if there is none. Tags join
  // what has nothing else in common, and guesses what nobody joined, so they are only passed where there is
  // no other way.
  function between(from, to) {
    return walk(from, to, (edge) => edge.type !== "tags" && !edge.guessed)
      || walk(from, to, (edge) => edge.type !== "tags")
      || walk(from, to, () => true);
  }

  function walk(from, to, takes) {
    const came = new Map([[from, null]]);
    let rim = [from];
    while (rim.length > 0 && !came.has(to)) {
      const next = [];
      for (const at of rim) {
        for (const edge of at.edges) {
          const beyond = other(edge, at);
          if (edge.shown && takes(edge) && !came.has(beyond)) {
            came.set(beyond, edge);
            next.push(beyond);
          }
        }
      }
      rim = next;
    }
    if (!came.has(to)) return null;
    const steps = [];
    for (let at = to; came.get(at) !== null; at = other(came.get(at), at)) {
      steps.unshift({ node: at, edge: came.get(at) });
    }
    return steps;
  }

  return { neighbours, around, between };
})();
