-- Orders that are said to be delivered, but not when. They are not in fact_deliveries.
{{ config(severity='error', warn_if='>0', error_if='>100') }}

select order_id, purchased_at, shipped_at
from {{ ref('stg_orders') }}
where order_status = 'delivered' and delivered_at is null
