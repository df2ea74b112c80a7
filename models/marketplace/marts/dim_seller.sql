with sellers as (

    select * from {{ ref('stg_sellers') }}

),

states as (

    select * from {{ ref('brazil_states') }}

)

select
    {{ surrogate_key(['sellers.seller_id']) }} as seller_key,
    sellers.seller_id,
    {{ surrogate_key(['sellers.zip_code_prefix']) }} as geography_key,
    sellers.zip_code_prefix,
    sellers.city,
    sellers.state,
    states.region
from sellers
left join states on sellers.state = states.state
