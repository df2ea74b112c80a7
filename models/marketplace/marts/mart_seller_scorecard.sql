-- One row per seller, active or not.
with sellers as (

    select * from {{ ref('dim_seller') }}

),

metrics as (

    select * from {{ ref('int_seller_metrics') }}

),

joined as (

    select
        sellers.seller_key,
        sellers.seller_id,
        sellers.city,
        sellers.state,
        sellers.region,
        coalesce(metrics.items_sold, 0) as items_sold,
        coalesce(metrics.order_count, 0) as order_count,
        coalesce(metrics.product_count, 0) as product_count,
        metrics.first_sold_on,
        metrics.last_sold_on,
        coalesce(metrics.revenue, 0) as revenue,
        coalesce(metrics.freight_value, 0) as freight_value,
        coalesce(metrics.shipped_items, 0) as shipped_items,
        coalesce(metrics.late_shipments, 0) as late_shipments,
        {{ percent('metrics.late_shipments', 'metrics.shipped_items') }} as late_shipment_rate_pct,
        coalesce(metrics.delivered_count, 0) as delivered_count,
        coalesce(metrics.late_deliveries, 0) as late_deliveries,
        {{ percent('metrics.late_deliveries', 'metrics.delivered_count') }} as late_delivery_rate_pct,
        coalesce(metrics.review_count, 0) as review_count,
        metrics.average_review_score
    from sellers
    left join metrics on sellers.seller_key = metrics.seller_key

)

select
    seller_key,
    seller_id,
    city,
    state,
    region,
    items_sold,
    order_count,
    product_count,
    first_sold_on,
    last_sold_on,
    revenue,
    freight_value,
    shipped_items,
    late_shipments,
    late_shipment_rate_pct,
    delivered_count,
    late_deliveries,
    late_delivery_rate_pct,
    review_count,
    average_review_score,
    {{ seller_tier('order_count', 'average_review_score', 'late_shipment_rate_pct') }} as seller_tier
from joined
