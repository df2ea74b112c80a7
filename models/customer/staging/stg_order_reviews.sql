with source as (

    select * from {{ source('olist', 'order_reviews') }}

)

select
    review_id,
    order_id,
    review_score,
    nullif(trim(review_comment_title), '') as review_title,
    nullif(trim(review_comment_message), '') as review_comment,
    review_creation_date as review_created_at,
    review_answer_timestamp as review_answered_at
from source
