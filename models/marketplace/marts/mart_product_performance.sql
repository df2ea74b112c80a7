-- One row per product, sold or not.
with products as (

    select * from {{ ref('dim_product') }}

),

metrics as (

    select * from {{ ref('int_product_metrics') }}

),

joined as (

    select
        products.product_key,
        products.product_id,
        products.category_name_english as category,
        coalesce(metrics.items_sold, 0) as items_sold,
        coalesce(metrics.order_count, 0) as order_count,
        coalesce(metrics.seller_count, 0) as seller_count,
        metrics.first_sold_on,
        metrics.last_sold_on,
        coalesce(metrics.revenue, 0) as revenue,
        coalesce(metrics.freight_value, 0) as freight_value,
        metrics.lowest_price,
        metrics.highest_price,
        coalesce(metrics.review_count, 0) as review_count,
        metrics.average_review_score
    from products
    left join metrics on products.product_key = metrics.product_key

)

select
    product_key,
    product_id,
    category,
    items_sold,
    order_count,
    seller_count,
    first_sold_on,
    last_sold_on,
    revenue,
    freight_value,
    {{ average_money('revenue', 'items_sold') }} as average_price,
    lowest_price,
    highest_price,
    review_count,
    average_review_score,
    rank() over (order by revenue desc) as revenue_rank,
    rank() over (partition by category order by revenue desc) as revenue_rank_in_category,
    {{ percent('revenue', 'sum(revenue) over (partition by category)') }} as revenue_share_of_category_pct
from joined
