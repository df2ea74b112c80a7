-- Every order of the source is counted on some day and in some state.
with counts as (

    select
        (select count(*) from {{ ref('stg_orders') }}) as in_source,
        (select sum(order_count) from {{ ref('mart_executive_dashboard') }}) as by_day,
        (select sum(order_count) from {{ ref('mart_geographic_sales') }}) as by_state

)

select *
from counts
where in_source <> by_day or in_source <> by_state
