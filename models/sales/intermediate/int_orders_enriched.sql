-- One row per order with what it contains and how it was paid. The one intermediate model that other
-- contexts may read (access: protected), since an order is what they all talk about.
with orders as (

    select * from {{ ref('stg_orders') }}

),

customers as (

    select * from {{ ref('stg_customers') }}

),

items as (

    select
        order_id,
        count(*) as item_count,
        count(distinct product_id) as product_count,
        count(distinct seller_id) as seller_count,
        {{ money('sum(price)') }} as items_value,
        {{ money('sum(freight_value)') }} as freight_value
    from {{ ref('stg_order_items') }}
    group by order_id

),

payments as (

    select
        order_id,
        count(*) as payment_count,
        max(payment_installments) as max_installments,
        string_agg(distinct payment_type, ', ' order by payment_type) as payment_types,
        {{ money('sum(payment_value)') }} as payment_value
    from {{ ref('stg_order_payments') }}
    group by order_id

)

select
    orders.order_id,
    orders.customer_id,
    customers.customer_unique_id,
    customers.zip_code_prefix as customer_zip_code_prefix,
    customers.state as customer_state,
    orders.order_status,
    orders.purchased_at,
    orders.purchase_date,
    orders.approved_at,
    orders.shipped_at,
    orders.delivered_at,
    orders.estimated_delivery_at,
    {{ is_sale('orders.order_status') }} as is_sale,
    {{ is_delivered('orders.delivered_at') }} as is_delivered,
    {{ delivery_status('orders.order_status', 'orders.delivered_at', 'orders.estimated_delivery_at') }} as delivery_status,
    coalesce(items.item_count, 0) as item_count,
    coalesce(items.product_count, 0) as product_count,
    coalesce(items.seller_count, 0) as seller_count,
    coalesce(items.items_value, 0) as items_value,
    coalesce(items.freight_value, 0) as freight_value,
    {{ order_value('items.items_value', 'items.freight_value') }} as order_value,
    coalesce(payments.payment_count, 0) as payment_count,
    payments.payment_types,
    payments.max_installments,
    coalesce(payments.payment_value, 0) as payment_value,
    -- an order without items or without payments has nothing to compare
    {{ money('payments.payment_value - (items.items_value + items.freight_value)') }} as payment_difference
from orders
left join customers on orders.customer_id = customers.customer_id
left join items on orders.order_id = items.order_id
left join payments on orders.order_id = payments.order_id
