-- One row per seller who sold something.
with items as (

    select * from {{ ref('fact_order_items') }}

),

deliveries as (

    select order_id, is_late from {{ ref('fact_deliveries') }}

),

reviews as (

    select
        order_id,
        count(*) as review_count,
        sum(review_score) as score_total
    from {{ ref('fact_reviews') }}
    group by order_id

),

sold as (

    select
        seller_key,
        count(*) as items_sold,
        count(distinct order_id) as order_count,
        count(distinct product_key) as product_count,
        min(order_date) as first_sold_on,
        max(order_date) as last_sold_on,
        {{ money('sum(price)') }} as revenue,
        {{ money('sum(freight_value)') }} as freight_value,
        count(*) filter (where shipped_at is not null) as shipped_items,
        count(*) filter (where is_shipped_late) as late_shipments
    from items
    group by seller_key

),

-- an order of several sellers counts for each of them, once
judged as (

    select
        orders_of_seller.seller_key,
        count(deliveries.order_id) as delivered_count,
        count(deliveries.order_id) filter (where deliveries.is_late) as late_deliveries,
        cast(coalesce(sum(reviews.review_count), 0) as bigint) as review_count,
        cast(sum(reviews.score_total) / sum(reviews.review_count) as decimal(4, 2)) as average_review_score
    from (select distinct seller_key, order_id from items) as orders_of_seller
    left join deliveries on orders_of_seller.order_id = deliveries.order_id
    left join reviews on orders_of_seller.order_id = reviews.order_id
    group by orders_of_seller.seller_key

)

select
    sold.seller_key,
    sold.items_sold,
    sold.order_count,
    sold.product_count,
    sold.first_sold_on,
    sold.last_sold_on,
    sold.revenue,
    sold.freight_value,
    sold.shipped_items,
    sold.late_shipments,
    judged.delivered_count,
    judged.late_deliveries,
    judged.review_count,
    judged.average_review_score
from sold
inner join judged on sold.seller_key = judged.seller_key
