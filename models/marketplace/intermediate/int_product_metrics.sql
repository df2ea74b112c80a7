-- One row per product that was sold.
with items as (

    select * from {{ ref('fact_order_items') }}

),

reviews as (

    select
        order_id,
        count(*) as review_count,
        sum(review_score) as score_total
    from {{ ref('fact_reviews') }}
    group by order_id

),

-- a review is about an order: it counts once for each product in it
reviewed as (

    select
        orders_of_product.product_key,
        cast(sum(reviews.review_count) as bigint) as review_count,
        cast(sum(reviews.score_total) / sum(reviews.review_count) as decimal(4, 2)) as average_review_score
    from (select distinct product_key, order_id from items) as orders_of_product
    inner join reviews on orders_of_product.order_id = reviews.order_id
    group by orders_of_product.product_key

),

sold as (

    select
        product_key,
        count(*) as items_sold,
        count(distinct order_id) as order_count,
        count(distinct seller_key) as seller_count,
        min(order_date) as first_sold_on,
        max(order_date) as last_sold_on,
        {{ money('sum(price)') }} as revenue,
        {{ money('sum(freight_value)') }} as freight_value,
        min(price) as lowest_price,
        max(price) as highest_price
    from items
    group by product_key

)

select
    sold.product_key,
    sold.items_sold,
    sold.order_count,
    sold.seller_count,
    sold.first_sold_on,
    sold.last_sold_on,
    sold.revenue,
    sold.freight_value,
    sold.lowest_price,
    sold.highest_price,
    coalesce(reviewed.review_count, 0) as review_count,
    reviewed.average_review_score
from sold
left join reviewed on sold.product_key = reviewed.product_key
