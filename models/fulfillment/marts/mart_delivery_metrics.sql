-- One row per month of delivery and state of the customer.
with deliveries as (

    select * from {{ ref('fact_deliveries') }}

),

grouped as (

    select
        {{ month_start('delivered_at') }} as delivery_month,
        customer_state as state,
        count(*) as delivered_count,
        count(*) filter (where is_late) as late_count,
        cast(avg(delivery_days) as decimal(8, 2)) as average_delivery_days,
        cast(median(delivery_days) as decimal(8, 2)) as median_delivery_days,
        cast(avg(transit_days) as decimal(8, 2)) as average_transit_days,
        cast(avg(days_late) filter (where is_late) as decimal(8, 2)) as average_days_late,
        max(days_late) as max_days_late
    from deliveries
    group by delivery_month, customer_state

)

select
    {{ surrogate_key(['delivery_month', 'state']) }} as delivery_metrics_key,
    delivery_month,
    state,
    delivered_count,
    late_count,
    delivered_count - late_count as on_time_count,
    {{ percent('(delivered_count - late_count)', 'delivered_count') }} as on_time_rate_pct,
    average_delivery_days,
    median_delivery_days,
    average_transit_days,
    average_days_late,
    max_days_late
from grouped
