-- Orders that were canceled and delivered all the same. They are in fact_deliveries.
{{ config(severity='error', warn_if='>0', error_if='>100') }}

select order_id, order_status, delivered_at
from {{ ref('fact_deliveries') }}
where not {{ is_sale('order_status') }}
