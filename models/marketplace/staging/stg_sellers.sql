with source as (

    select * from {{ source('olist', 'sellers') }}

)

select
    seller_id,
    {{ zip_code_prefix('seller_zip_code_prefix') }} as zip_code_prefix,
    {{ normalize_city('seller_city') }} as city,
    upper(trim(seller_state)) as state
from source
