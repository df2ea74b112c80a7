-- One row per order that reached its customer.
with orders as (

    select * from {{ ref('int_orders_enriched') }}
    where is_delivered

)

select
    {{ surrogate_key(['order_id']) }} as delivery_key,
    order_id,
    {{ surrogate_key(['customer_unique_id']) }} as customer_key,
    {{ surrogate_key(['customer_zip_code_prefix']) }} as customer_geography_key,
    {{ date_key('purchase_date') }} as order_date_key,
    {{ date_key('delivered_at') }} as delivered_date_key,
    {{ date_key('estimated_delivery_at') }} as estimated_date_key,
    customer_state,
    order_status,
    purchased_at,
    approved_at,
    shipped_at,
    delivered_at,
    estimated_delivery_at,
    cast({{ hours_between('purchased_at', 'delivered_at') }} / 24 as decimal(8, 2)) as delivery_days,
    cast({{ hours_between('shipped_at', 'delivered_at') }} / 24 as decimal(8, 2)) as transit_days,
    {{ days_between('estimated_delivery_at', 'delivered_at') }} as days_after_estimate,
    delivery_status,
    {{ is_late('delivered_at', 'estimated_delivery_at') }} as is_late,
    {{ days_late('delivered_at', 'estimated_delivery_at') }} as days_late,
    coalesce(
        approved_at < purchased_at
        or shipped_at < approved_at
        or shipped_at < purchased_at
        or delivered_at < shipped_at
        or delivered_at < purchased_at,
        false
    ) as has_impossible_dates
from orders
