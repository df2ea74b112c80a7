with v as (select * from {{ ref('events_with_time') }}), e as (select * from {{ ref('events') }})
select v.id, v.kind, v.happened_at, e.id as other from v left join e on e.id = v.id + 1
