-- Orders that were paid more or less than their items and freight cost, by more than the tolerance. Orders
-- without items or without payments have nothing to compare and are left to other tests.
{{ config(severity='error', warn_if='>0', error_if='>1000', store_failures=true) }}

select
    orders.order_id,
    orders.order_value,
    orders.payment_value,
    orders.payment_difference
from {{ ref('int_orders_enriched') }} as orders
where abs(orders.payment_difference) > {{ var('payment_tolerance') }}
