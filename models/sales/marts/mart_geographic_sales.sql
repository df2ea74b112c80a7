-- One row per state that customers ordered from, by the address of the order.
with orders as (

    select * from {{ ref('int_orders_enriched') }}

),

states as (

    select * from {{ ref('brazil_states') }}

),

deliveries as (

    select * from {{ ref('fact_deliveries') }}

),

by_state as (

    select
        orders.customer_state as state,
        count(*) as order_count,
        count(distinct orders.customer_unique_id) as customer_count,
        cast(sum(orders.item_count) as bigint) as item_count,
        {{ money('sum(orders.order_value)') }} as gmv,
        {{ money('sum(orders.items_value)') }} as items_value,
        {{ money('sum(orders.freight_value)') }} as freight_value,
        count(*) filter (where orders.item_count > 0) as orders_with_items,
        count(deliveries.order_id) as delivered_count,
        count(deliveries.order_id) filter (where deliveries.is_late) as late_count,
        cast(avg(deliveries.delivery_days) as decimal(8, 2)) as average_delivery_days
    from orders
    left join deliveries on orders.order_id = deliveries.order_id
    group by orders.customer_state

)

select
    by_state.state,
    states.state_name,
    states.region,
    by_state.order_count,
    by_state.customer_count,
    by_state.item_count,
    by_state.gmv,
    {{ percent('by_state.gmv', 'sum(by_state.gmv) over ()') }} as gmv_share_pct,
    by_state.items_value,
    by_state.freight_value,
    {{ percent('by_state.freight_value', 'by_state.gmv') }} as freight_share_pct,
    {{ average_money('by_state.gmv', 'by_state.orders_with_items') }} as average_order_value,
    by_state.delivered_count,
    by_state.late_count,
    {{ percent('(by_state.delivered_count - by_state.late_count)', 'by_state.delivered_count') }} as on_time_rate_pct,
    by_state.average_delivery_days
from by_state
left join states on by_state.state = states.state
