-- One row per customer. The day to count back from is the last one in the data, not today, so that the
-- same data gives the same scores on every run.
with customers as (

    select * from {{ ref('dim_customer') }}

),

orders as (

    select customer_unique_id, purchase_date from {{ ref('int_orders_enriched') }}

),

last_orders as (

    select
        customer_unique_id,
        max(purchase_date) as last_order_date,
        max(max(purchase_date)) over () as as_of_date
    from orders
    group by customer_unique_id

),

measured as (

    select
        customers.customer_key,
        customers.customer_unique_id,
        customers.state,
        last_orders.last_order_date,
        {{ days_between('last_orders.last_order_date', 'last_orders.as_of_date') }} as recency_days,
        customers.order_count as frequency,
        customers.lifetime_value as monetary
    from customers
    inner join last_orders on customers.customer_unique_id = last_orders.customer_unique_id

),

scored as (

    select
        *,
        {{ rfm_quintile('-recency_days', 'customer_unique_id') }} as recency_score,
        {{ rfm_frequency_score('frequency') }} as frequency_score,
        {{ rfm_quintile('monetary', 'customer_unique_id') }} as monetary_score
    from measured

)

select
    customer_key,
    customer_unique_id,
    state,
    last_order_date,
    recency_days,
    frequency,
    monetary,
    recency_score,
    frequency_score,
    monetary_score,
    recency_score * 100 + frequency_score * 10 + monetary_score as rfm_score,
    {{ rfm_segment('recency_score', 'frequency_score', 'monetary_score') }} as rfm_segment
from scored
