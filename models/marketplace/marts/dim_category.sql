-- Every category that a product has or that a translation exists for, and one for products without.
with products as (

    select category_name, count(*) as product_count
    from {{ ref('stg_products') }}
    group by category_name

),

translations as (

    select * from {{ ref('stg_category_translation') }}

),

categories as (

    select
        coalesce(products.category_name, translations.category_name, 'unknown') as category_name,
        translations.category_name_english,
        coalesce(products.product_count, 0) as product_count,
        products.category_name is null and translations.category_name is null as is_unknown
    from products
    full outer join translations on products.category_name = translations.category_name

    union all

    -- there is an unknown category even if, for now, every product has one
    select 'unknown', null, 0, true
    where not exists (select 1 from products where category_name is null)

)

select
    {{ surrogate_key(['category_name']) }} as category_key,
    category_name,
    coalesce(category_name_english, category_name) as category_name_english,
    category_name_english is not null or is_unknown as is_translated,
    is_unknown,
    product_count
from categories
