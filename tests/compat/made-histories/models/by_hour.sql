select id, kind, happened_at, '{{ model.batch.id if model.batch else "none" }}' as batch, {{ 1 if is_incremental() else 0 }} as again,
  '{{ model.config.batch_size }}' as size
from {{ ref('events').render() }}
where happened_at > '2026-11-23'
