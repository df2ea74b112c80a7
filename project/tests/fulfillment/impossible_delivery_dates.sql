-- Orders with a step dated before the one it follows: approved before bought, shipped before approved, delivered
-- before shipped. Known dirt: the dates stay as they are. The full data set has about 1,400.
{{ config(severity='error', warn_if='>0', error_if='>2000', store_failures=true) }}

select
    order_id,
    order_status,
    purchased_at,
    approved_at,
    shipped_at,
    delivered_at
from {{ ref('stg_orders') }}
where
    approved_at < purchased_at
    or shipped_at < purchased_at
    or shipped_at < approved_at
    or delivered_at < purchased_at
    or delivered_at < shipped_at
