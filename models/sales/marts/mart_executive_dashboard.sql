-- One row per day on which orders were placed. Everything is counted on the day of the purchase.
with orders as (

    select * from {{ ref('int_orders_enriched') }}

),

reviews as (

    select
        order_id,
        count(*) as review_count,
        sum(review_score) as score_total
    from {{ ref('fact_reviews') }}
    group by order_id

),

customers as (

    select customer_unique_id, min(purchase_date) as first_order_date
    from orders
    group by customer_unique_id

),

days as (

    select
        orders.purchase_date as order_date,
        count(*) as order_count,
        count(*) filter (where orders.is_sale) as sale_count,
        count(*) filter (where not orders.is_sale) as given_up_count,
        count(distinct orders.customer_unique_id) as customer_count,
        count(distinct orders.customer_unique_id) filter (where customers.first_order_date = orders.purchase_date) as new_customer_count,
        cast(sum(orders.item_count) as bigint) as item_count,
        {{ money('sum(orders.order_value)') }} as gmv,
        {{ money('sum(orders.items_value)') }} as items_value,
        {{ money('sum(orders.freight_value)') }} as freight_value,
        {{ money('coalesce(sum(orders.order_value) filter (where orders.is_sale), 0)') }} as sales_value,
        {{ money('sum(orders.payment_value)') }} as payment_value,
        count(*) filter (where orders.item_count > 0) as orders_with_items,
        count(*) filter (where orders.is_delivered) as delivered_count,
        count(*) filter (where orders.delivery_status = 'late') as late_count,
        cast(coalesce(sum(reviews.review_count), 0) as bigint) as review_count,
        cast(sum(reviews.score_total) / sum(reviews.review_count) as decimal(4, 2)) as average_review_score
    from orders
    inner join customers on orders.customer_unique_id = customers.customer_unique_id
    left join reviews on orders.order_id = reviews.order_id
    group by orders.purchase_date

)

select
    {{ date_key('order_date') }} as order_date_key,
    order_date,
    order_count,
    sale_count,
    given_up_count,
    customer_count,
    new_customer_count,
    item_count,
    gmv,
    items_value,
    freight_value,
    sales_value,
    payment_value,
    {{ average_money('gmv', 'orders_with_items') }} as average_order_value,
    {{ money('sum(gmv) over (order by order_date range between interval 6 days preceding and current row)') }} as gmv_last_7_days,
    delivered_count,
    late_count,
    {{ percent('(delivered_count - late_count)', 'delivered_count') }} as on_time_rate_pct,
    review_count,
    average_review_score
from days
