-- The gmv of the two marts is what the fact adds up to, to the cent.
with sums as (

    select
        (select sum(total_amount) from {{ ref('fact_order_items') }}) as by_item,
        (select sum(gmv) from {{ ref('mart_executive_dashboard') }}) as by_day,
        (select sum(gmv) from {{ ref('mart_geographic_sales') }}) as by_state

)

select *
from sums
where by_item is distinct from by_day or by_item is distinct from by_state
