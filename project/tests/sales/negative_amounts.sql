-- No price, freight or payment is below zero. There are none, and there must never be one: money is summed.
{{ config(severity='error') }}

select 'price' as amount, order_id, price as value
from {{ ref('fact_order_items') }}
where price < 0

union all

select 'freight_value' as amount, order_id, freight_value as value
from {{ ref('fact_order_items') }}
where freight_value < 0

union all

select 'payment_value' as amount, order_id, payment_value as value
from {{ ref('fact_payments') }}
where payment_value < 0
