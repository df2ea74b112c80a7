with products as (

    select
        *,
        coalesce(category_name, 'unknown') as known_category_name
    from {{ ref('stg_products') }}

),

categories as (

    select * from {{ ref('dim_category') }}

)

select
    {{ surrogate_key(['products.product_id']) }} as product_key,
    products.product_id,
    categories.category_key,
    categories.category_name,
    categories.category_name_english,
    products.name_length,
    products.description_length,
    products.photo_count,
    products.weight_g,
    products.length_cm,
    products.height_cm,
    products.width_cm,
    products.length_cm * products.height_cm * products.width_cm as volume_cm3
from products
left join categories on products.known_category_name = categories.category_name
