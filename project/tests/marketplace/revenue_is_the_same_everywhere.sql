-- The revenue of products and of sellers is the price of all items, to the cent.
with sums as (

    select
        (select sum(price) from {{ ref('fact_order_items') }}) as by_item,
        (select sum(revenue) from {{ ref('mart_product_performance') }}) as by_product,
        (select sum(revenue) from {{ ref('mart_seller_scorecard') }}) as by_seller

)

select *
from sums
where by_item is distinct from by_product or by_item is distinct from by_seller
