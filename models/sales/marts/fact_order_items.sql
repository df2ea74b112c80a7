with items as (

    select * from {{ ref('stg_order_items') }}

),

orders as (

    select * from {{ ref('int_orders_enriched') }}

)

select
    {{ surrogate_key(['items.order_id', 'items.order_item_id']) }} as order_item_key,
    items.order_id,
    items.order_item_id,
    {{ surrogate_key(['orders.customer_unique_id']) }} as customer_key,
    {{ surrogate_key(['items.product_id']) }} as product_key,
    {{ surrogate_key(['items.seller_id']) }} as seller_key,
    {{ surrogate_key(['orders.customer_zip_code_prefix']) }} as customer_geography_key,
    {{ date_key('orders.purchase_date') }} as order_date_key,
    orders.purchase_date as order_date,
    orders.order_status,
    orders.is_sale,
    items.shipping_limit_at,
    orders.shipped_at,
    orders.shipped_at > items.shipping_limit_at as is_shipped_late,
    items.price,
    items.freight_value,
    {{ order_value('items.price', 'items.freight_value') }} as total_amount
from items
inner join orders on items.order_id = orders.order_id
