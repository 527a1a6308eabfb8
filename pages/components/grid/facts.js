// What is known about one image, as the large picture and the preview tell it.

function facts(item) {
  const suggested = item.suggested == null ? "" : differs(item) ? item.suggested : `${item.suggested} (the same)`;
  const decided = item.decision ? `${MARKS[item.decision](item)}${item.by ? `, by ${item.by}` : ""}` : "";
  return [
    ["Given", item.given ?? NO_LABEL],
    ["Suggested", suggested],
    ["Confidence", percent(item.confidence)],
    ["Score", item.score == null ? "" : `${item.score.toFixed(4)} (1 clean, 0 worst)`],
    ["Rank", item.rank == null ? "" : item.rank.toLocaleString("en")],
    ["Decision", decided || (item.border ? "" : "none yet")],
    ["You chose", item.met ? verdict({ action: item.met.mine[1], label: item.met.mine[2] }) : ""],
    ["Check", item.border ? MARKS[item.border](item) : ""],
    ...(item.details ?? []),
    ["File", item.path],
  ].filter(([, value]) => value);
}

function writeFacts(list, item) {
  list.replaceChildren(...facts(item).map(([name, value]) => {
    const row = create("div");
    row.append(create("dt", "", name), create("dd", "", value));
    return row;
  }));
}
