// The points come from their own route; the address names the content.

const fetched = new Map(); // url → Promise<ArrayBuffer>: a rerun or a page switch costs no request

const load = (url) => {
  if (!fetched.has(url)) {
    if (fetched.size > 60) fetched.delete(fetched.keys().next().value);
    const request = fetch(url, { credentials: "same-origin" }).then((answer) => {
      if (!answer.ok) throw new Error(`points: HTTP ${answer.status}`);
      return answer.arrayBuffer();
    });
    request.catch(() => fetched.delete(url));
    fetched.set(url, request);
  }
  return fetched.get(url);
};

const loadAs = async (url, Type) => (url ? new Type(await load(url)) : null);

// Everything that a map draws: the points, and the channels they can be coloured by.
const loadAll = async (data) => {
  const names = Object.keys(data.tags);
  const [xy, ids, flagged, reviewed, selected, ...tags] = await Promise.all([
    loadAs(data.xy, Float32Array),
    ...[data.ids, data.shape?.mask, data.reviewed, data.selected, ...names.map((name) => data.tags[name])]
      .map((url) => loadAs(url, Uint8Array)),
  ]);
  const channels = await Promise.all(data.channels.map(async (channel) => {
    const codes = await loadAs(channel.codes, channel.bytes === 1 ? Uint8Array : Uint16Array);
    const values = await loadAs(channel.values, Float32Array);
    return { ...channel, codes, values, counts: countCodes(codes, channel.entries.length) };
  }));
  const named = Object.fromEntries(names.map((name, i) => [name, tags[i]]));
  return [{ n: ids.length / 8, xy, ids, flagged, reviewed, selected, tags: named }, channels];
};
