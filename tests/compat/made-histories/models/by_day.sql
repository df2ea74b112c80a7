select id, kind, happened_at from {{ ref('events') }}
