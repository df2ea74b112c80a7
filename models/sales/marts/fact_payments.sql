with payments as (

    select * from {{ ref('stg_order_payments') }}

),

orders as (

    select * from {{ ref('int_orders_enriched') }}

)

select
    {{ surrogate_key(['payments.order_id', 'payments.payment_sequential']) }} as payment_key,
    payments.order_id,
    payments.payment_sequential,
    {{ surrogate_key(['orders.customer_unique_id']) }} as customer_key,
    {{ surrogate_key(['orders.customer_zip_code_prefix']) }} as customer_geography_key,
    {{ date_key('orders.purchase_date') }} as order_date_key,
    orders.purchase_date as order_date,
    orders.order_status,
    orders.is_sale,
    payments.payment_type,
    payments.payment_installments,
    payments.payment_value
from payments
inner join orders on payments.order_id = orders.order_id
