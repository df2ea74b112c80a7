with customers as (

    select * from {{ ref('stg_customers') }}

),

orders as (

    select * from {{ ref('stg_orders') }}

),

metrics as (

    select * from {{ ref('int_customer_metrics') }}

),

-- people move: the address of the latest order counts
addresses as (

    select
        customers.customer_unique_id,
        customers.zip_code_prefix,
        customers.city,
        customers.state,
        row_number() over (
            partition by customers.customer_unique_id
            order by orders.purchased_at desc nulls last, customers.customer_id
        ) as newest_first
    from customers
    left join orders on customers.customer_id = orders.customer_id

)

select
    {{ surrogate_key(['addresses.customer_unique_id']) }} as customer_key,
    addresses.customer_unique_id,
    {{ surrogate_key(['addresses.zip_code_prefix']) }} as geography_key,
    addresses.zip_code_prefix,
    addresses.city,
    addresses.state,
    metrics.first_order_at,
    metrics.last_order_at,
    coalesce(metrics.order_count, 0) as order_count,
    coalesce(metrics.sale_count, 0) as sale_count,
    coalesce(metrics.lifetime_value, 0) as lifetime_value,
    coalesce(metrics.order_count, 0) > 1 as is_repeat_customer,
    {{ customer_segment('coalesce(metrics.sale_count, 0)', 'coalesce(metrics.lifetime_value, 0)') }} as customer_segment,
    metrics.average_review_score
from addresses
left join metrics on addresses.customer_unique_id = metrics.customer_unique_id
where addresses.newest_first = 1
