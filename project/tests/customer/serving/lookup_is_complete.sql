-- What is served from PostgreSQL is what DuckDB computed, row by row and cent by cent: the bridge lost nothing.
select
    coalesce(served.customer_key, computed.customer_key) as customer_key,
    served.lifetime_value as served_value,
    computed.lifetime_value as computed_value
from {{ ref('ops_customer_lookup') }} as served
full outer join {{ ref('dim_customer') }} as computed on served.customer_key = computed.customer_key
where
    served.lifetime_value is distinct from computed.lifetime_value
    or served.last_order_at is distinct from computed.last_order_at
    or served.city is distinct from computed.city
