export function Graph() { return <p class="empty">…</p>; }
