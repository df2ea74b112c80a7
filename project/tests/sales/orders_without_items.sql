-- Orders in which nothing was ordered, mostly those for which the goods were unavailable. Known dirt: the
-- orders stay, and add nothing to the gmv. The full data set has 775 of them.
{{ config(severity='error', warn_if='>0', error_if='>1000') }}

select
    orders.order_id,
    orders.order_status,
    orders.purchased_at,
    orders.payment_value
from {{ ref('int_orders_enriched') }} as orders
where orders.item_count = 0
