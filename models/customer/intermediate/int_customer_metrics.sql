-- One row per person. A person gets a new customer_id with every order; customer_unique_id stays.
with orders as (

    select * from {{ ref('int_orders_enriched') }}

),

reviews as (

    select
        order_id,
        count(*) as review_count,
        sum(review_score) as score_total
    from {{ ref('stg_order_reviews') }}
    group by order_id

)

select
    orders.customer_unique_id,
    count(*) as order_count,
    count(*) filter (where orders.is_sale) as sale_count,
    min(orders.purchased_at) as first_order_at,
    max(orders.purchased_at) as last_order_at,
    {{ money('coalesce(sum(orders.order_value) filter (where orders.is_sale), 0)') }} as lifetime_value,
    {{ money('sum(orders.payment_value)') }} as payment_value,
    cast(coalesce(sum(reviews.review_count), 0) as bigint) as review_count,
    cast(sum(reviews.score_total) / sum(reviews.review_count) as decimal(4, 2)) as average_review_score
from orders
left join reviews on orders.order_id = reviews.order_id
group by orders.customer_unique_id
