with source as (

    select * from {{ source('olist', 'orders') }}

)

select
    order_id,
    customer_id,
    lower(trim(order_status)) as order_status,
    order_purchase_timestamp as purchased_at,
    cast(order_purchase_timestamp as date) as purchase_date,
    order_approved_at as approved_at,
    order_delivered_carrier_date as shipped_at,
    order_delivered_customer_date as delivered_at,
    order_estimated_delivery_date as estimated_delivery_at
from source
