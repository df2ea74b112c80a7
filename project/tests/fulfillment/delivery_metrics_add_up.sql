-- Every delivery is in some month and state, and late or not.
with counts as (

    select
        (select count(*) from {{ ref('fact_deliveries') }}) as delivered,
        (select count(*) from {{ ref('fact_deliveries') }} where is_late) as late,
        (select sum(delivered_count) from {{ ref('mart_delivery_metrics') }}) as delivered_by_month,
        (select sum(late_count) from {{ ref('mart_delivery_metrics') }}) as late_by_month

)

select *
from counts
where delivered <> delivered_by_month or late <> late_by_month
