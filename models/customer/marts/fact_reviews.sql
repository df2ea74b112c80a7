-- One row per review and order: a few reviews were filed for several orders at once, under one id.
with reviews as (

    select * from {{ ref('stg_order_reviews') }}

),

orders as (

    select * from {{ ref('int_orders_enriched') }}

)

select
    {{ surrogate_key(['reviews.review_id', 'reviews.order_id']) }} as review_key,
    reviews.review_id,
    reviews.order_id,
    {{ surrogate_key(['orders.customer_unique_id']) }} as customer_key,
    {{ date_key('reviews.review_created_at') }} as review_date_key,
    reviews.review_score,
    {{ review_sentiment('reviews.review_score') }} as sentiment,
    reviews.review_title,
    reviews.review_comment,
    (reviews.review_title is not null or reviews.review_comment is not null) as has_comment,
    reviews.review_created_at,
    reviews.review_answered_at,
    {{ hours_between('reviews.review_created_at', 'reviews.review_answered_at') }} as hours_to_answer,
    count(*) over (partition by reviews.review_id) > 1 as is_duplicated_review_id
from reviews
inner join orders on reviews.order_id = orders.order_id
