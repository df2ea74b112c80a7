-- Orders that nobody paid for. The full data set has one.
{{ config(severity='error', warn_if='>0', error_if='>10') }}

select
    orders.order_id,
    orders.order_status,
    orders.order_value
from {{ ref('int_orders_enriched') }} as orders
where orders.payment_count = 0
